// One row: as it is here and at each remote, who wrote it, what became of it, and which versions of it were kept.
import { byId, el, options } from "./dom.js";
import { date, moment, number, plural } from "./format.js";
import { address, call } from "./api.js";
import { pill } from "./overview.js";
import { article } from "./conflicts.js";

const here = {
  "there": ["good", "there"], "deleted": ["wait", "deleted"], "withdrawn": ["wait", "taken back by the node that sent it"],
  "vanished": ["warn", "vanished without firing a trigger, as with TRUNCATE"], "unknown": ["wait", "never been here"],
};
const conflictsMost = 20; // that the node tells of one row

export function row(app) {
  const table = byId("row-table"), id = byId("row-id"), button = byId("row-show"), place = byId("row-result");
  let asked = 0, waits = ""; // for which row an answer is awaited

  async function look(moved) {
    const of = { table: table.value, id: id.value }, mine = JSON.stringify(of);
    if (waits === mine) return;
    waits = mine;
    const turn = ++asked;
    button.setAttribute("aria-busy", "true");
    place.replaceChildren(el("p", { class: "muted" }, "Asking the remotes…")); // not the row before under the new name
    let parts;
    try {
      parts = result(app, await call("GET", address("row", of)), () => look(true));
    } catch (error) {
      parts = [el("p", { class: "bad-text" }, error.message)];
    }
    if (turn !== asked) return; // another row was asked for meanwhile
    waits = "";
    button.removeAttribute("aria-busy");
    place.replaceChildren(...parts);
    if (moved === true) place.firstElementChild.focus(); // the button that was pressed is gone
  }

  byId("row-form").addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  app.look = (t, i) => {
    options(table, "choose a table", app.state?.tables.map((x) => x.name) ?? [t]);
    table.value = t;
    id.value = i;
    location.hash = "#row";
    look();
  };
  return { show: (state) => options(table, "choose a table", state.tables.map((x) => x.name)) };
}

/** A button that shows a row in the view. */
export const rowButton = (app, table, id) => el("button", { class: "quiet", "aria-label": `Show row ${id} of ${table} at all sites`, onclick: () => app.look(table, id) }, "All sites");

function result(app, r, again) {
  const h = r.here, state = pill();
  state.show(here[h.is] ?? ["wait", h.is]);
  const said = [h.written ? written(h.written, h.is === "deleted" ? "deleted" : "written") : "", h.from ? `received from ${h.from}` : "", h.uncaptured ? `${plural(h.uncaptured, "write waits", "writes wait")} to be captured` : ""].filter(Boolean);
  const parts = [
    el("h3", { tabindex: "-1" }, r.table, " ", el("span", { class: "mono" }, r.id)),
    el("p", {}, state, ` at ${r.client}${said.length ? ` · ${said.join(" · ")}` : ""}`),
  ];
  if (h.row) parts.push(scrolls("The row here, scrolls sideways", el("table", {}, el("tbody", {}, Object.entries(h.row).map(([name, v]) => el("tr", {}, el("th", { scope: "row" }, name), value(v)))))));
  if (r.sites.length) {
    const sites = r.sites.map((x) => ({ x, state: stateOf(x) })).sort((a, b) => worst.indexOf(a.state[0]) - worst.indexOf(b.state[0]));
    const count = new Map();
    for (const s of sites) count.set(s.state[1], (count.get(s.state[1]) ?? 0) + 1);
    if (sites.length > 1) parts.push(el("p", { class: "muted" }, `${plural(sites.length, "remote")}: ${[...count].map(([word, n]) => `${number(n)} ${word}`).join("; ")}.`));
    parts.push(scrolls("The row at each remote, scrolls sideways", el("table", { class: "stack" },
      el("thead", {}, el("tr", {}, ["Remote", "State", "Written", "Why"].map((word) => el("th", { scope: "col" }, word)))),
      el("tbody", {}, sites.map(site)))));
  } else parts.push(el("p", { class: "empty" }, "This node sends to no one."));
  parts.push(el("h3", {}, r.conflicts.length < conflictsMost ? `${plural(r.conflicts.length, "conflict")} of this row here` : `The latest ${conflictsMost} conflicts of this row here`));
  for (const c of r.conflicts) {
    const kept = article(app, c, again, true);
    kept.show(c);
    parts.push(kept);
  }
  return parts;
}

// The row here, if any, is not compared with that of a remote whose part does not have it.
const notIts = { "nowhere": "not in its part", "missing here": "there, but not in its part" };
const called = { "nowhere": "not there either" };
const worst = ["bad", "wait", "good"];

/** How a row is at a remote, as a kind and words. */
function stateOf(x) {
  const kind = x.error ? "wait" : { "same": "good", "nowhere": "wait", "held back": "wait", "incomparable": "wait" }[x.is] ?? (x.pending && !x.refused ? "wait" : "bad");
  return [kind, x.error ? "not known" : `${x.notIts ? notIts[x.is] ?? `${x.is}, not in its part` : called[x.is] ?? x.is}${x.pending ? ", on its way" : ""}`];
}

function site({ x, state: [kind, word] }) {
  const state = pill(), why = [];
  state.show([kind, word]);
  if (x.error) why.push(x.error);
  for (const d of x.columns ?? []) why.push(`${d.column} is ${d.here ?? "NULL"} here and ${d.there ?? "NULL"} there`);
  if (x.refused) why.push(`${x.refused.waits ? "waits" : "refused"}: ${x.refused.message}`);
  return el("tr", {}, el("th", { scope: "row", "data-label": "Remote" }, x.client), el("td", { "data-label": "State" }, state),
    el("td", { "data-label": "Written" }, x.written ? written(x.written, ["nowhere", "missing there"].includes(x.is) ? "deleted" : "") : "—"), el("td", { class: "message", "data-label": "Why" }, why.map((w) => el("div", {}, w))));
}

const written = (w, what) => `${what} ${date(moment(w.at))} by ${w.decided ? "a conflict policy" : ""}${w.decided && w.by ? ", for " : ""}${w.by}`.trim();

function value(v) {
  return v === null ? el("td", { class: "none" }, "NULL") : el("td", { class: "mono" }, typeof v === "object" ? JSON.stringify(v) : String(v));
}

function scrolls(label, ...children) {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, children);
}
