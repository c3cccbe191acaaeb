// Conflicts: both versions of the row side by side, and a way to put the one that lost back.
import { byId, el, list, shows, text } from "./dom.js";
import { address, call } from "./api.js";
import { ask, busy, say } from "./say.js";

const page = 20; // conflicts that are read at a time
const countMost = 10_000; // the node counts no further

export function conflicts(app) {
  const differ = byId("conflicts-differ"), more = byId("conflicts-more");
  let shown = [], found = -1, looking = false;

  async function look(older = false) {
    if (looking) return;
    looking = true;
    try {
      const before = older ? shown.at(-1)?.id : "";
      const some = await call("GET", address("conflicts", { before, limit: Math.max(page, older ? 0 : Math.min(shown.length, 1000)) }));
      shown = older ? [...shown, ...some] : some;
      // Large rows come in shorter lists: how many there are tells the end, and an empty list.
      const kept = app.state?.conflicts.kept ?? countMost;
      more.hidden = some.length === 0 || (kept < countMost && shown.length >= kept);
      paint();
    } catch (error) {
      if (app.state) say(`Could not read the conflicts: ${error.message}`, true);
    } finally {
      looking = false;
    }
  }

  function paint() {
    list(byId("conflicts-list"), shown, (c) => String(c.id), (c) => article(app, c, look));
    byId("conflicts-list").classList.toggle("only", differ.checked);
    byId("conflicts-empty").hidden = shown.length > 0;
  }

  differ.addEventListener("change", paint);
  more.addEventListener("click", () => busy(more, () => look(true)));

  return {
    open: () => look(),
    show(state) {
      if (app.open !== "conflicts") return;
      const now = state.conflicts.kept + state.conflicts.found;
      if (found !== -1 && now !== found) look();
      found = now;
      for (const a of byId("conflicts-list").children) a.tick();
    },
  };
}

function article(app, c, look) {
  const at = app.time(c.at), title = `conflict-${c.id}`;
  const button = el("button", { onclick: () => back(button, c, look) }, "Put back");
  button.setAttribute("aria-label", `Put back the version of ${c.loser.origin} of row ${c.row} of ${c.table}`);
  const done = el("p", { class: "pill good" }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", {}, "put back"));
  const node = el("article", { class: "conflict", "aria-labelledby": title },
    el("div", { class: "head" },
      el("h3", { id: title }, c.table, " ", el("span", { class: "mono" }, c.row)),
      el("p", { class: "muted" }, at, ` · ${c.policy === "putBack" ? "overwritten when another version was put back" : `decided by ${c.policy}`}`), button, done),
    el("div", { class: "scroll", role: "region", "aria-label": `Versions of row ${c.row}, conflict ${c.id}, scrolls sideways`, tabindex: "0" }, versions(c)));
  node.tick = () => at.show(c.at);
  return shows(node, (now) => {
    button.hidden = !now.standing;
    done.hidden = now.standing;
    node.tick();
  });
}

function versions(c) {
  const names = [...new Set([...Object.keys(c.winner.row ?? {}), ...Object.keys(c.loser.row ?? {})])];
  const whole = (v, word) => el("th", { scope: "col" }, word, el("small", {}, `by ${v.origin || "unknown"}, ${new Date(v.at).toLocaleString("en-GB")}`));
  const lines = names.map((name) => {
    const [one, two] = [c.winner.row, c.loser.row].map((row) => (row && Object.hasOwn(row, name) ? row[name] : undefined));
    const same = JSON.stringify(one) === JSON.stringify(two);
    return el("tr", { class: same ? "same" : "differs" },
      el("th", { scope: "row" }, name, same ? null : el("span", { class: "hidden" }, ", differs")),
      value(one, c.winner.row), value(two, c.loser.row));
  });
  return el("table", {}, el("caption", { class: "hidden" }, `Row ${c.row} of ${c.table}: the current version and the one that lost`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Column"), whole(c.winner, "Stands"), whole(c.loser, "Lost"))),
    el("tbody", {}, lines.length ? lines : el("tr", {}, el("td", { colspan: "3" }, "Both are deleted."))));
}

function value(v, row) {
  if (row === null || row === undefined) return el("td", { class: "none" }, "deleted");
  if (v === undefined) return el("td", { class: "none" }, "no such column");
  if (v === null) return el("td", { class: "none" }, "NULL");
  return el("td", { class: "mono" }, typeof v === "object" ? JSON.stringify(v) : String(v));
}

async function back(button, c, look) {
  let now;
  await busy(button, async () => { now = await call("GET", `conflicts/${c.id}`); });
  if (!now) return;
  const columns = new Set(Object.keys(now.loser.row ?? {}));
  const whole = columns.size;
  const sentences = [
    now.loser.row === null ? `Row ${c.row} of ${c.table} is deleted, here and at all nodes.` :
      `Row ${c.row} of ${c.table} becomes what ${c.loser.origin || "the other node"} wrote, in the ticked columns, here and at all nodes.`,
    compared(now, columns),
    "The current row is kept as a conflict, and can be put back in turn.",
  ];
  if (now.later) sentences.unshift("The row was written since the conflict: that write is overwritten.");
  if (!await ask({ title: "Put this version back?", sentences, yes: "Put back", bad: true })) return;
  await busy(button, async () => {
    if (whole && !columns.size) throw new Error("No column was ticked: nothing was written.");
    await call("POST", `conflicts/${c.id}/put-back`, { seen: now.seen, columns: columns.size < whole ? [...columns] : [] });
    say(`Row ${c.row} of ${c.table} was put back.`);
    await look();
  });
}

/** The row as it is, as it won and as it lost; columns are those that stay ticked. */
function compared(now, columns) {
  const rows = [now.now, now.winner.row, now.loser.row];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))];
  const lines = names.map((name) => {
    const cells = rows.map((row) => value(row && Object.hasOwn(row, name) ? row[name] : undefined, row));
    const tick = el("input", { type: "checkbox", "aria-label": `Put back ${name}`, onchange: () => (tick.checked ? columns.add(name) : columns.delete(name)) });
    tick.checked = true;
    const same = cells[0].textContent === cells[2].textContent;
    return el("tr", { class: same ? "same" : "differs" }, el("td", {}, columns.has(name) && now.now !== null ? tick : null), el("th", { scope: "row" }, name), ...cells);
  });
  return el("div", { class: "scroll conflict", role: "region", "aria-label": "The row now, as it won and as it lost, scrolls sideways", tabindex: "0" },
    el("table", {}, el("thead", {}, el("tr", {}, el("td"), ...["Column", "Now", "Won then", "Lost"].map((word) => el("th", { scope: "col" }, word)))),
      el("tbody", {}, lines)));
}
