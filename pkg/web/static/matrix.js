// Tables × remotes: pending rows, errors, and when a row last went by.
import { attribute, byId, el, list, shows, text } from "./dom.js";
import { count, number, rate } from "./format.js";
import { called } from "./overview.js";

const ways = { both: ["⇄", "sent and received"], sends: ["→", "sent"], receives: ["←", "received"] };

const columnsMost = 40; // remotes that are shown unless asked for: those with pending rows or errors first

export function matrix(app) {
  const table = byId("matrix"), only = byId("matrix-open");
  only.addEventListener("change", () => app.state && show(app.state));
  const all = byId("matrix-all");
  let columns = "", everything = false;
  all.addEventListener("click", () => {
    everything = !everything;
    if (app.state) show(app.state);
  });

  function show(state) {
    if (app.open !== "overview") return;
    const working = new Set(state.streams.filter((s) => s.pending.rows || s.errors).map((s) => s.remote));
    const first = [...state.remotes].sort((a, b) => working.has(b.name) - working.has(a.name));
    all.hidden = first.length <= columnsMost;
    text(all, everything ? `Show ${number(columnsMost)} remotes` : `Show all ${number(first.length)} remotes`);
    const shown = everything || all.hidden ? state.remotes : first.slice(0, columnsMost);
    const remotes = shown.map((r) => r.name);
    if (columns !== JSON.stringify(remotes)) {
      columns = JSON.stringify(remotes);
      table.tHead.replaceChildren(el("tr", {}, el("th", { scope: "col" }, "Table"), remotes.map((r) => el("th", { scope: "col" }, called(r)))));
    }
    const streams = new Map(state.streams.map((s) => [JSON.stringify([s.table, s.remote]), s]));
    const of = (t, r) => streams.get(JSON.stringify([t, r]));
    const busy = (t) => remotes.some((r) => of(t.name, r)?.pending.rows || of(t.name, r)?.errors);
    const tables = only.checked ? state.tables.filter(busy) : [...state.tables].sort((a, b) => Boolean(busy(b)) - Boolean(busy(a)));
    list(table.tBodies[0], tables.map((t) => ({ table: t, columns, cells: shown.map((r) => [r.name, of(t.name, r.name), !r.online]) })),
      (row) => JSON.stringify([row.table.name, row.columns]), (row) => line(app, row));
    byId("matrix-empty").hidden = tables.length > 0;
    table.parentElement.hidden = tables.length === 0;
  }

  return { show };
}

function line(app, { table, cells }) {
  const [arrow, word] = ways[table.sends && table.receives ? "both" : table.sends ? "sends" : "receives"];
  const head = el("th", { scope: "row" }, el("span", { class: "way", "aria-hidden": "true" }, arrow), el("span", {}, table.name),
    el("span", { class: "hidden" }, `, ${word}`),
    table.policy && table.policy !== "lastWriteWins" ? el("small", { class: "muted" }, `policy ${table.policy}`) : null);
  head.title = `${word}; conflicts: ${table.policy || "lastWriteWins"}`;
  const boxes = cells.map(([remote]) => cell(app, table.name, remote));
  return shows(el("tr", {}, head, boxes), (row) => row.cells.forEach(([, s, away], i) => boxes[i].show({ s, away })));
}

function cell(app, table, remote) {
  const state = el("span", { class: "state" }), last = app.time(), box = el("td", {}, state, last);
  let refused = null, speed = null; // made when there is something to say: there may be thousands of cells
  last.className = "muted small";
  return shows(box, ({ s, away }) => {
    const pending = s?.pending.rows ?? 0;
    state.hidden = Boolean(s?.errors && !pending); // with refused rows it is not in step
    const good = s?.standing === "in step";
    text(state, !s || s.standing === "not sent" ? "—" : pending ? `${count(s.pending)} pending${s.paused ? ", paused" : ""}`
      : s.standing === "nothing pending" && away ? "nothing pending, away" : s.standing);
    attribute(state, "class", `state ${pending ? "pending" : good ? "good" : ""}`);
    if (s?.errors && !refused) {
      refused = el("a", { class: "bad-text", href: "#errors", onclick: () => app.pick?.(remote, table) });
      state.after(refused);
    }
    if (refused) refused.hidden = !s?.errors;
    if (refused) text(refused, s?.errors ? `${number(s.errors)} ${s.errors === 1 ? "error" : "errors"}` : "");
    last.show(s?.last ?? null);
    last.hidden = !s?.last;
    const parts = [["↑", s?.sent.perSecond], ["↓", s?.received.perSecond]].filter(([, v]) => v > 0);
    if (parts.length && !speed) box.append(speed = el("span", { class: "muted small" }));
    if (speed) text(speed, parts.map(([arrow, v]) => `${arrow} ${rate(v)}/s`).join(" "));
  });
}
