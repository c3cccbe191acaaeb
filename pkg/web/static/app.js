// The page: one state from the node each second, given to each view. Views are shown by the hash of the address.
import { attribute, byId, list, shows, el, text } from "./dom.js";
import { ago, date, moment, number, plural } from "./format.js";
import { follow } from "./stream.js";
import { hush, say, speak } from "./say.js";
import * as history from "./history.js";
import { overview } from "./overview.js";
import { matrix } from "./matrix.js";
import { pauses } from "./pauses.js";
import { grouped, placeOf } from "./problems.js";
import { transfers } from "./transfers.js";
import { asking } from "./asking.js";
import { sites } from "./sites.js";
import { errors } from "./errors.js";
import { conflicts } from "./conflicts.js";
import { row } from "./row.js";
import { verify } from "./verify.js";
import { transformers } from "./transformers.js";
import { log } from "./log.js";

const recent = 600_000; // ms in which an error of a transformer is news

const app = {
  state: null,
  open: "overview", // the view that is shown
  ahead: 0, // ms by which the node's clock is ahead of this one
  now: () => Date.now() + app.ahead,
  /** An element with a time of the state as "3 s ago"; its method show takes another. */
  time(value) {
    const node = el("time");
    return shows(node, (v = value) => {
      const ms = moment(v);
      text(node, Number.isNaN(ms) ? "—" : ago(ms, app.now()));
      attribute(node, "title", date(ms));
      attribute(node, "datetime", Number.isNaN(ms) ? null : new Date(ms).toISOString());
    });
  },
};

const views = { overview: [asking(), overview(app), pauses(app), matrix(app), transfers(app)], sites: [sites(app)], errors: [errors(app)], conflicts: [conflicts(app)], row: [row(app)],
  verify: [verify(app)], transformers: [transformers(app)], log: [log(app)] };

function show(state) {
  if (!app.state) history.remember(state.client);
  app.state = state;
  app.ahead = moment(state.now) - Date.now();
  app.samples = history.add(state);
  text(byId("client"), state.client);
  text(byId("about"), `mysql-sync ${state.version} · up ${ago(moment(state.started), app.now()).replace(" ago", "")}`);
  const refused = state.remotes.reduce((n, r) => n + r.errors, 0);
  badge("count-errors", refused, "refused");
  badge("count-conflicts", state.conflicts.kept, "kept");
  badge("count-transformers", state.transformers.filter((t) => app.now() - moment(t.lastAt) < recent).length, "failed in the last ten minutes");
  problems(state.problems ?? []);
  for (const part of Object.values(views).flat()) part.show(state);
  title();
}

function badge(id, n, what) {
  const node = byId(id);
  node.hidden = !n;
  node.replaceChildren(number(n), el("span", { class: "hidden" }, ` ${what}`));
}

const sitesNamed = 12; // of those that have the same problem

function problem() {
  const words = el("span"), link = el("a"), more = el("details", {}, el("summary"), el("p", { class: "muted small" }));
  return shows(el("li", {}, words, " ", link, more), (g) => {
    const [view, name] = placeOf(g.sentence, app.state?.fleet), sites = [...g.sites];
    text(words, g.sentence);
    text(link, name);
    attribute(link, "href", `#${view}`);
    attribute(link, "aria-label", `${name}: where to mend this`);
    link.hidden = view === app.open;
    more.hidden = g.all.length < 2;
    text(more.firstElementChild, `Likewise, ${plural(sites.length || g.all.length, sites.length ? "site" : "time")} in all`);
    text(more.lastElementChild, sites.slice(0, sitesNamed).join(", ") + (sites.length > sitesNamed ? ` and ${number(sites.length - sitesNamed)} more` : ""));
  });
}

let told = "";

function problems(sentences) {
  byId("problems").hidden = sentences.length === 0;
  const all = byId("problems-all"), open = all.getAttribute("aria-expanded") === "true";
  const few = app.open === "overview" ? 4 : 1; // elsewhere they are not what one came for
  const groups = grouped(sentences, (app.state?.remotes ?? []).map((r) => r.name));
  list(byId("problems").firstElementChild, open ? groups : groups.slice(0, few), (g) => g.sentence, problem);
  all.hidden = groups.length <= few;
  text(all, open ? "Show fewer" : `Show all ${number(groups.length)}`);
  // Numbers in a sentence change each second: only other sentences are worth a word.
  const kinds = sentences.map((s) => s.replace(/\d[\d.,:+TZ-]*( ?(m?s|min|h|d)\b)?/g, "#")).join("\n");
  if (kinds !== told) speak(sentences.length ? `${plural(sentences.length, "problem")}: ${sentences.join(" ")}` : "No more problems.");
  told = kinds;
}

function title() {
  const view = document.querySelector(`nav.views a[href="#${app.open}"]`).firstChild.textContent.trim();
  const n = app.state?.problems?.length ?? 0;
  document.title = `${n ? `(${n}) ` : ""}${view} · ${app.state?.client ?? "mysql-sync"}`;
}

function open(move) {
  const asked = location.hash.slice(1);
  app.open = Object.hasOwn(views, asked) ? asked : "overview";
  for (const section of document.querySelectorAll("section.view")) section.hidden = section.id !== app.open;
  for (const link of document.querySelectorAll("nav.views a")) attribute(link, "aria-current", link.hash === `#${app.open}` ? "page" : null);
  title();
  problems(app.state?.problems ?? []);
  for (const part of views[app.open]) {
    part.open?.();
    if (app.state) part.show(app.state);
  }
  if (move) {
    byId(`${app.open}-title`).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function link(state, sentence) {
  byId("link").className = `pill ${state}`;
  text(byId("link-text"), sentence);
  document.body.classList.toggle("gone", state === "bad");
}

for (const choice of document.querySelectorAll("input[name=theme]")) {
  choice.checked = choice.value === (document.documentElement.dataset.theme ?? "auto");
  choice.addEventListener("change", () => {
    if (choice.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice.value;
    try {
      localStorage.setItem("theme", choice.value);
    } catch { /* no storage: for this time only */ }
  });
}
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
byId("problems-all").addEventListener("click", (event) => {
  attribute(event.currentTarget, "aria-expanded", String(event.currentTarget.getAttribute("aria-expanded") !== "true"));
  problems(app.state.problems);
});
byId("said-close").addEventListener("click", hush);
addEventListener("hashchange", () => open(true));
open(false);

follow({
  status(state) {
    link("good", "Live");
    show(state);
  },
  log: (line) => views.log[0].add(line),
  gone(why) {
    link("bad", "No answer");
    say(`The node does not answer${why ? `: ${why}` : ""}. The data shown is old; the page resumes when the node is back.`, true);
  },
  back() {
    say("The node is back.");
    views.log[0].reload();
  },
});
