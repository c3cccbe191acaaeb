// One row: as it is here and at each remote, who wrote it, and what became of it.
import { byId, el, options } from "./dom.js";
import { date, moment, plural } from "./format.js";
import { address, call } from "./api.js";
import { busy } from "./say.js";
import { pill } from "./overview.js";

const here = {
  "there": ["good", "there"], "deleted": ["wait", "deleted"], "withdrawn": ["wait", "taken back by the node that sent it"],
  "vanished": ["warn", "vanished without firing a trigger, as with TRUNCATE"], "unknown": ["wait", "never been here"],
};

export function row(app) {
  const table = byId("row-table"), id = byId("row-id"), button = byId("row-show");
  const look = () => busy(button, async () => {
    byId("row-result").replaceChildren(...result(await call("GET", address("row", { table: table.value, id: id.value }))));
  });
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

function result(r) {
  const h = r.here, state = pill();
  state.show(here[h.is] ?? ["wait", h.is]);
  const said = [h.written ? written(h.written) : "", h.from ? `received from ${h.from}` : "", h.uncaptured ? `${plural(h.uncaptured, "write waits", "writes wait")} to be captured` : ""].filter(Boolean);
  const parts = [
    el("h3", {}, r.table, " ", el("span", { class: "mono" }, r.id)),
    el("p", {}, state, ` at ${r.client}${said.length ? ` · ${said.join(" · ")}` : ""}`),
  ];
  if (h.row) parts.push(scrolls("The row here, scrolls sideways", el("table", {}, el("tbody", {}, Object.entries(h.row).map(([name, v]) => el("tr", {}, el("th", { scope: "row" }, name), value(v)))))));
  parts.push(r.sites.length ? scrolls("The row at each remote, scrolls sideways", el("table", { class: "stack" },
    el("thead", {}, el("tr", {}, ["Remote", "State", "Written", "Why"].map((word) => el("th", { scope: "col" }, word)))),
    el("tbody", {}, r.sites.map(site)))) : el("p", { class: "empty" }, "This node sends to no one."));
  if (r.conflicts.length) parts.push(el("p", {}, el("a", { href: "#conflicts" }, plural(r.conflicts.length, "conflict")), " of this row here."));
  return parts;
}

// The row here, if any, is not compared with that of a remote whose part does not have it.
const notIts = { "nowhere": "not in its part", "missing here": "there, but not in its part" };

function site(x) {
  const state = pill(), why = [];
  const kind = x.error ? "wait" : { "same": "good", "nowhere": "wait", "held back": "wait", "incomparable": "wait" }[x.is] ?? (x.pending ? "wait" : "bad");
  state.show([kind, x.error ? "not known" : `${x.notIts ? notIts[x.is] ?? `${x.is}, not in its part` : x.is}${x.pending ? ", on its way" : ""}`]);
  if (x.error) why.push(x.error);
  for (const d of x.columns ?? []) why.push(`${d.column} is ${d.here ?? "NULL"} here and ${d.there ?? "NULL"} there`);
  if (x.refused) why.push(`${x.refused.waits ? "waits" : "refused"}: ${x.refused.message}`);
  return el("tr", {}, el("th", { scope: "row", "data-label": "Remote" }, x.client), el("td", { "data-label": "State" }, state),
    el("td", { "data-label": "Written" }, x.written ? written(x.written) : "—"), el("td", { class: "message", "data-label": "Why" }, why.map((w) => el("div", {}, w))));
}

const written = (w) => `written ${date(moment(w.at))} by ${w.decided ? "a conflict policy" : ""}${w.decided && w.by ? ", for " : ""}${w.by}`;

function value(v) {
  return v === null ? el("td", { class: "none" }, "NULL") : el("td", { class: "mono" }, typeof v === "object" ? JSON.stringify(v) : String(v));
}

function scrolls(label, ...children) {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, children);
}
