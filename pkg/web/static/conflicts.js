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
      if (app.state) say(`The conflicts were not read: ${error.message}`, true);
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
      el("p", { class: "muted" }, at, ` · decided by ${c.policy}`), button, done),
    el("div", { class: "scroll", role: "region", "aria-label": `Versions of row ${c.row}, scrolls sideways`, tabindex: "0" }, versions(c)));
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
  return el("table", {}, el("caption", { class: "hidden" }, `Row ${c.row} of ${c.table}: the version that stands and the one that lost`),
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
  const yes = await ask({
    title: "Put this version back?",
    sentences: [`Row ${c.row} of ${c.table} becomes what ${c.loser.origin || "the other node"} wrote${c.loser.row === null ? ": it is deleted" : ""}, here and at all nodes.`,
      "What stands now is written over."],
    yes: "Put back", bad: true,
  });
  if (!yes) return;
  await busy(button, async () => {
    await call("POST", `conflicts/${c.id}/put-back`);
    say(`Row ${c.row} of ${c.table} was put back.`);
    await look();
  });
}
