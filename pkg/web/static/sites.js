// The sites of a node that collects how its partners are: one row each, worst first, which opens to its problems and figures.
import { attribute, byId, el, list, options, shows, text } from "./dom.js";
import { ago, count, duration, moment, number, plural, rate } from "./format.js";
import { chart, roundNumber, roundTime } from "./chart.js";
import { recorded } from "./history.js";
import { call } from "./api.js";
import { say } from "./say.js";
import { pill, quiet } from "./overview.js";
import { afar } from "./afar.js";

const pause = 5000; // ms between two looks while the view is open
const rest = 60_000; // likewise while it is not: only for the number in the link
const standings = ["offline", "database away", "problems", "behind", "clock off", "not told", "paused", "no problems"];
const kinds = { "offline": "bad", "database away": "bad", "problems": "warn", "behind": "warn", "clock off": "warn", "not told": "wait", "paused": "wait", "no problems": "good" };
const those = { "problems": "with problems", "paused": "with pauses", "no problems": "without problems" }; // in a list of numbers of sites
const sorts = {
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  refused: (a, b) => b.refused - a.refused,
  waits: (a, b) => b.lag - a.lag,
  clock: (a, b) => off(b) - off(a),
  disk: (a, b) => disk(a) - disk(b),
};
const off = (x) => Math.abs(x.told?.clock ?? 0);
const disk = (x) => (x.told && x.told.summary.freeDisk >= 0 ? x.told.summary.freeDisk : Infinity);
const problemsOf = (x) => (x.told?.summary.problems?.length ?? 0) + (x.told?.summary.more ?? 0);

export function sites(app) {
  const state = byId("sites-state"), sort = byId("sites-sort"), find = byId("sites-find");
  const opened = new Set(); // names
  let fleet = null, looked = 0, looking = false;

  async function look() {
    if (looking) return;
    looking = true;
    looked = Date.now();
    try {
      fleet = await call("GET", "fleet");
      badge();
      if (app.open === "sites") paint();
    } catch (error) {
      if (app.state && app.open === "sites") say(`Could not read the sites: ${error.message}`, true);
    } finally {
      looking = false;
    }
  }

  function badge() {
    const n = fleet.sites.filter((x) => ["bad", "warn"].includes(kinds[x.standing])).length;
    byId("count-sites").hidden = !n;
    byId("count-sites").replaceChildren(number(n), el("span", { class: "hidden" }, " need attention"));
  }

  function wanted(x) {
    const words = [x.name, x.standing, x.why, x.told?.summary.version, x.told?.summary.database.server, ...(x.told?.summary.problems ?? []),
      ...(x.pauses ?? []).flatMap((p) => [p.table, p.by, p.reason])];
    return (!state.value || x.standing === state.value) && words.some((w) => w?.toLowerCase().includes(find.value.toLowerCase()));
  }

  function paint() {
    if (!fleet) return;
    options(state, "all", standings);
    const shown = fleet.sites.filter(wanted);
    if (sorts[sort.value]) shown.sort(sorts[sort.value]);
    const rows = shown.flatMap((x) => (opened.has(x.name) ? [["row", x], ["more", x]] : [["row", x]]));
    list(byId("sites-list").tBodies[0], rows, ([kind, x]) => `${kind} ${x.name}`, ([kind]) => (kind === "row" ? line(app, toggle) : details(app)));
    const parts = standings.map((s) => [fleet.sites.filter((x) => x.standing === s).length, s]).filter(([n]) => n).map(([n, s]) => `${number(n)} ${those[s] ?? s}`);
    text(byId("sites-count"), `${plural(fleet.sites.length, "site")}: ${parts.join(", ")}.${shown.length < fleet.sites.length ? ` ${number(shown.length)} shown.` : ""}`);
    byId("sites-scroll").hidden = shown.length === 0;
    byId("sites-empty").hidden = shown.length > 0;
  }

  function toggle(name) {
    if (!opened.delete(name)) opened.add(name);
    paint();
  }

  for (const input of [state, sort, find]) input.addEventListener("input", paint);

  return {
    open: look,
    show(s) {
      byId("sites-link").hidden = !s.fleet;
      if (!s.fleet) return;
      if (Date.now() - looked > (app.open === "sites" ? pause : rest)) look();
      else if (app.open === "sites") paint();
    },
  };
}

function line(app, toggle) {
  const standing = pill(), told = app.time();
  const cell = (label, kind = "") => el("td", { class: `n ${kind}`.trim(), "data-label": label });
  const problems = cell("Problems"), refused = cell("Refused"), send = cell("To send", "wide"), here = cell("For it", "wide"), waits = cell("Waits");
  const clock = cell("Clock", "wide"), free = cell("Free disk", "wide"), version = el("td", { class: "wide", "data-label": "Version" });
  let name = "";
  const mark = el("span", { class: "mark-open", "aria-hidden": "true" }, "▸"), word = el("span"), own = el("small", { class: "muted" }, " this node");
  const button = el("button", { class: "quiet open", "aria-expanded": "false", onclick: () => {
    attribute(button, "aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    text(mark, button.getAttribute("aria-expanded") === "true" ? "▾" : "▸");
    toggle(name);
  } }, mark, word);
  const put = (td, shown, value, kind = "") => {
    const wide = td.classList.contains("wide");
    quiet(td, shown, value, kind);
    td.classList.toggle("wide", wide);
  };
  return shows(el("tr", {}, el("th", { scope: "row" }, button, own), el("td", { "data-label": "State" }, standing), problems, refused, waits, send, here, clock, free, version,
    el("td", { class: "wide", "data-label": "Told" }, told)), ([, x]) => {
    name = x.name;
    const s = x.told?.summary;
    text(word, x.name);
    own.hidden = !x.own;
    standing.show([kinds[x.standing] ?? "wait", x.standing]);
    put(problems, s ? number(problemsOf(x)) : "—", problemsOf(x), "bad-text");
    put(refused, number(x.refused), x.refused, "bad-text");
    put(waits, x.lag ? duration(x.lag) : "—", x.lag);
    put(send, s ? count({ rows: s.rows.pending, atLeast: s.rows.atLeast }) : "—", s?.rows.pending);
    put(here, x.own ? "—" : count(x.here.pending), x.here.pending.rows);
    put(clock, clockOf(x), off(x) > 60, "bad-text");
    put(free, s && s.freeDisk >= 0 ? bytes(s.freeDisk) : "—", s?.freeDisk > 0);
    text(version, s?.version ?? "—");
    told.show(x.told?.at ?? null);
  });
}

/** By how much a site's clock is off, as far as the answer's delay lets that be told. */
function clockOf(x) {
  if (!x.told || x.own) return "—";
  return off(x) < Math.max(1, x.told.took / 2) ? "right" : `${x.told.clock < 0 ? "−" : "+"}${duration(off(x))}`;
}

const bytes = (n) => (n >= 10 * 2 ** 30 ? `${number(Math.round(n / 2 ** 30))} GiB` : `${(n / 2 ** 30).toFixed(1)} GiB`);

/** Which version of its profile a site has. */
function configurationOf(led) {
  if (led.refused || led.newer) return "refused";
  if (Number.isNaN(moment(led.at)) || moment(led.at) <= 0) return "not told yet";
  if (led.waits) return "waits for the release of the latest version";
  return led.version === led.latest ? "the latest version" : "an older version";
}

/** What a pause at a site, or here for it, holds back, until when, by whom and why. */
function pauseOf(p, x) {
  const what = `${p.table || "all tables"} to ${p.remote || "all remotes"}`, until = p.until ? `until ${new Date(p.until).toLocaleString("en-GB")}` : "until it is resumed";
  return [`Paused ${p.here ? "here" : `at ${x.name}`}: ${what}, ${until}${p.by ? `, by ${p.by}` : ""}`, p.reason].filter(Boolean).join(": ");
}

/** Why a site does not take its profile; "" if it does. */
function refusal(x) {
  if (x.led?.newer) return `It has a newer version of the profile ${x.led.profile} than this node, which was restored from a backup: see mysql-sync lead.`;
  return x.led?.refused ? `It refuses the profile ${x.led.profile}: ${x.led.refused}` : "";
}

const lines = {
  waits: ["Oldest waiting row", (s) => s.waits, { unit: duration, axis: duration, round: roundTime, least: 60 }],
  rows: ["Rows waiting there", (s) => s.pending, { unit: number, axis: rate, round: roundNumber, least: 10 }],
  refused: ["Refused rows", (s) => s.refused, { unit: number, axis: rate, round: roundNumber, least: 10 }],
  offline: ["Offline", (s) => s.offline, { unit: (v) => `${Math.round(v)} %`, axis: (v) => `${Math.round(v)} %`, round: () => 100, least: 100 }],
  speed: ["Rows from here", (s) => s.sent, { unit: (v) => `${rate(v)}/s`, axis: rate, round: roundNumber, least: 1 }],
};
let drawn = 0;

/** How a site was: a chart of one figure over a day or 30 days, and when it was last offline. */
function site(app) {
  const group = `past-${++drawn}`;
  const what = el("select", { "aria-label": "Chart" }, Object.entries(lines).map(([value, [name]]) => el("option", { value }, name)));
  const over = ["day", "month"].map((value) => el("input", { type: "radio", name: group, value, checked: value === "day" }));
  const away = el("span", { class: "muted" });
  const figure = el("figure", { class: "chart" }, el("figcaption", {}, what,
    el("fieldset", { class: "choice" }, el("legend", { class: "hidden" }, "The chart shows"), over.map((input) => el("label", {}, input, el("span", {}, input.value === "day" ? "Day" : "30 days")))),
    away, el("span", { class: "at muted" })), el("ul", { class: "legend" }), el("svg", { class: "plot", "aria-hidden": "true" }), el("p", { class: "hidden summary" }));
  let kept = null, shown = null, plot = null;
  const draw = () => {
    const [name, value, how] = lines[what.value];
    plot ??= chart(figure, how);
    plot.draw(...kept.draw(over.find((o) => o.checked).value, [{ name, value }]), how);
    text(away, shown.own ? "" : lastAway(kept, app.now()));
  };
  for (const input of [what, ...over]) input.addEventListener("input", () => kept && draw());
  return shows(figure, (x) => {
    shown = x;
    kept ??= recorded(x.own ? "" : x.name);
    if (!kept.known) draw();
    kept.read(draw, (why) => say(`Could not read the history of ${x.name}: ${why}`, true));
  });
}

/** When a site was last offline, and for how long. */
function lastAway(kept, now) {
  const a = kept.away;
  if (!kept.known) return "";
  if (!a) return "Not offline in the last 30 days, while this node was watching.";
  if (Number.isNaN(moment(a.until))) return `Offline for about ${duration((now - moment(a.from)) / 1000)}.`;
  return `Last offline about ${ago(moment(a.until), now)}, for about ${duration(60 * a.minutes)}.`;
}

function details(app) {
  const about = el("div"), act = afar(app), past = site(app), box = el("td", { colspan: "11" }, about, act, past);
  let told = "";
  return shows(el("tr", { class: "details" }, box), ([, x]) => {
    act.show(x);
    past.show(x);
    const s = x.told?.summary, now = JSON.stringify([s, x.why, x.heard === null, x.here, x.led, x.pauses]);
    if (now === told) return; // what somebody has selected stays
    told = now;
    const sentences = [x.why, refusal(x), ...(s?.problems ?? []), s?.more && `${plural(s.more, "problem")} more: the page of ${x.name}, or mysql-sync status there, shows all.`,
      ...(x.pauses ?? []).map((p) => pauseOf(p, x))].filter(Boolean);
    const since = (time) => (Number.isNaN(moment(time)) ? "never" : ago(moment(time), app.now()));
    const facts = [["Last sign of life", since(x.heard)], ["Rows here that it still needs", count(x.here.pending)], ["Rows here that it refused", number(x.here.refused)],
      ["Tables here that it was never sent", number(x.here.neverSent)]];
    if (x.led) facts.push(["Its configuration from here", `profile ${x.led.profile}: ${configurationOf(x.led)}`]);
    if (s) {
      facts.push(["Started", since(s.started)], ["Database", `${s.database.online ? "connected" : "away"} ${s.database.server ?? ""}`],
        ["Its remotes online", `${number(s.remotes.online)} of ${number(s.remotes.total)}`], ["Rows that its remotes refused", number(s.rows.refused)],
        ["Conflicts kept", number(s.rows.conflicts)], ["Not captured yet", number(s.rows.uncaptured)], ["Tables being sent", number(s.sending)],
        ["Compared", s.verified ? `${since(s.verified.at)}: ${number(s.verified.equal)} equal, ${number(s.verified.differ)} differ` : "not since its start"],
        ["The answer took", duration(x.told.took)]);
    }
    about.replaceChildren(...(sentences.length ? [el("ul", { class: "sentences" }, sentences.map((p) => el("li", {}, p)))] : []),
      el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
  });
}
