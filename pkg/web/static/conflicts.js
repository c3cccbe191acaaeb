// Conflicts: both versions of the row side by side, and ways to decide: put the one that lost back, keep both, dismiss.
import { byId, el, list, options, shows, text } from "./dom.js";
import { number, plural } from "./format.js";
import { address, call } from "./api.js";
import { ask, busy, say } from "./say.js";
import { rowButton } from "./row.js";

const page = 20; // conflicts that are read at a time
const countMost = 10_000; // the node counts no further
const atOnce = 1000; // that one request dismisses
const shownMost = 2000; // characters, or half as many bytes, of a value that are shown

export function conflicts(app) {
  const differ = byId("conflicts-differ"), more = byId("conflicts-more"), all = byId("conflicts-all"), whole = byId("conflicts-whole");
  const table = byId("conflicts-table"), find = byId("conflicts-find"), dismissed = byId("conflicts-dismissed");
  let shown = [], found = -1, looking = false, again = false;

  const chosen = () => ({ table: table.value, find: find.value, dismissed: dismissed.checked || "" });

  async function look(older = false) {
    if (looking) {
      again ||= !older; // what is asked for may have changed since
      return;
    }
    looking = true;
    try {
      const before = older ? shown.at(-1)?.id : "";
      const limit = Math.max(page, older ? Math.min(shown.length, 10 * page) : Math.min(shown.length, 1000));
      const some = await call("GET", address("conflicts", { ...chosen(), before, limit }));
      shown = older ? [...shown, ...some] : some;
      // Large rows come in shorter lists: how many there are tells the end, and an empty list.
      const kept = table.value || find.value || dismissed.checked ? countMost : app.state?.conflicts.kept ?? countMost;
      more.hidden = some.length === 0 || (kept < countMost && shown.length >= kept);
      paint();
    } catch (error) {
      if (app.state) say(`Could not read the conflicts: ${error.message}`, true);
    } finally {
      looking = false;
    }
    if (again) {
      again = false;
      await look();
    }
  }

  function paint() {
    list(byId("conflicts-list"), shown, (c) => `${c.id} ${c.dismissed ?? ""} ${c.insertedAs ?? ""}`, (c) => article(app, c, look));
    byId("conflicts-list").classList.toggle("only", differ.checked);
    byId("conflicts-empty").hidden = shown.length > 0;
    all.hidden = shown.length === 0;
    whole.hidden = more.hidden || shown.length === 0;
    text(whole, `${dismissed.checked ? "List again" : "Dismiss"} all${of() ? ` ${of()}` : ""}…`);
    text(all, `${dismissed.checked ? "List again" : "Dismiss"} the ${plural(shown.length, "conflict")} shown`);
  }

  /** Which conflicts are selected, in words; "" for all that there are. */
  const of = () => [table.value && `of ${table.value}`, find.value && `with “${find.value}”`].filter(Boolean).join(" ");

  /** Dismisses, or lists again, all that are selected: those that are shown and those before. */
  async function putAllAside() {
    const query = chosen(), undo = dismissed.checked;
    let some = shown.map((c) => c.id), n = 0;
    if (!await sure(`${undo ? "List" : "Dismiss"} all conflicts${of() ? ` ${of()}` : ""}${undo ? " again" : ""}?`, undo)) return;
    while (some.length) {
      for (let at = 0; at < some.length; at += atOnce) n += await put(some.slice(at, at + atOnce), undo);
      say(`${number(n)} so far…`);
      some = (await call("GET", address("conflicts", { ...query, before: some.at(-1), limit: atOnce }))).map((c) => c.id);
    }
    tell(n, undo);
    await look();
  }

  differ.addEventListener("change", paint);
  for (const choice of [table, dismissed]) choice.addEventListener("change", () => look());
  let typed;
  find.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(look, 300);
  });
  all.addEventListener("click", () => busy(all, () => putAside(shown, dismissed.checked, look)));
  whole.addEventListener("click", () => busy(whole, putAllAside));
  more.addEventListener("click", () => busy(more, () => look(true)));

  return {
    open: () => look(),
    show(state) {
      options(table, "all", state.tables.map((t) => t.name));
      if (app.open !== "conflicts") return;
      const now = state.conflicts.kept + state.conflicts.found;
      if (found !== -1 && now !== found) look();
      found = now;
      for (const a of byId("conflicts-list").children) a.tick();
    },
  };
}

/** A conflict with what can be done about it; look is called afterwards. In the view of its row, that view is not offered. */
export function article(app, c, look, ofRow = false) {
  const at = app.time(c.at), title = `conflict-${c.id}${ofRow ? "-of-row" : ""}`;
  const button = el("button", { onclick: () => back(button, c, look) }, "Put back");
  button.setAttribute("aria-label", `Put back the version of ${c.loser.origin} of row ${c.row} of ${c.table}`);
  const both = el("button", { class: "quiet", onclick: () => keepBoth(both, c, look) }, "Keep both");
  both.setAttribute("aria-label", `Keep both versions of row ${c.row} of ${c.table}`);
  const aside = el("button", { class: "quiet", onclick: () => busy(aside, () => putAside([c], Boolean(c.dismissed), look)) }, c.dismissed ? "List again" : "Dismiss");
  aside.setAttribute("aria-label", `${c.dismissed ? "List again" : "Dismiss"} the conflict of row ${c.row} of ${c.table}`);
  const done = el("p", { class: "pill good" }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", {}, c.insertedAs ? `inserted as ${c.insertedAs}` : "put back"));
  const node = el("article", { class: "conflict", "aria-labelledby": title },
    el("div", { class: "head" },
      el("h3", { id: title }, c.table, " ", el("span", { class: "mono" }, c.row)),
      el("p", { class: "muted" }, at, ` · ${c.policy === "putBack" ? "overwritten when another version was put back" : `decided by ${c.policy}`}`),
      el("div", { class: "controls" }, button, both, aside, ofRow ? null : rowButton(app, c.table, c.row), done)),
    el("div", { class: "scroll", role: "region", "aria-label": `Versions of row ${c.row}, conflict ${c.id}, scrolls sideways`, tabindex: "0" }, versions(c)));
  node.tick = () => at.show(c.at);
  return shows(node, (now) => {
    button.hidden = both.hidden = !now.standing || Boolean(now.dismissed);
    done.hidden = now.standing;
    node.tick();
  });
}

function versions(c) {
  const names = [...new Set([...Object.keys(c.winner.row ?? {}), ...Object.keys(c.loser.row ?? {})])];
  const whole = (v, word) => el("th", { scope: "col" }, word, el("small", {}, `by ${v.origin || "both"}, ${new Date(v.at).toLocaleString("en-GB")}`));
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
  return el("td", { class: "mono" }, shown(v));
}

/** A value as people read it: bytes that are no text as 0x and hexadecimal digits, as in an id, and of long ones the beginning. */
export function shown(v) {
  if (v?.type === "Buffer" && Array.isArray(v.data)) {
    const digits = v.data.slice(0, shownMost / 2).map((b) => b.toString(16).padStart(2, "0")).join("");
    return `0x${digits}${v.data.length > shownMost / 2 ? `… (${plural(v.data.length, "byte")})` : ""}`;
  }
  const s = typeof v === "object" ? JSON.stringify(v) : String(v);
  return s.length > shownMost ? `${s.slice(0, shownMost)}… (${plural(s.length, "character")})` : s;
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

const sure = (title, undo) => ask({ title, yes: undo ? "List again" : "Dismiss",
  sentences: ["Rows are not changed.", undo ? "They are listed and counted again." : "They stay in the table, and are no longer listed or counted. They can be listed again."] });

const put = async (conflicts, undo) => (await call("POST", "conflicts/dismiss", { conflicts, undo })).conflicts;

const tell = (n, undo) => say(`${plural(n, "conflict is", "conflicts are")} ${undo ? "listed again" : "dismissed"}.`);

/** Has conflicts no longer listed, or listed again. */
async function putAside(list, undo, look) {
  if (list.length > 1 && !await sure(`${undo ? "List" : "Dismiss"} ${plural(list.length, "conflict")}${undo ? " again" : ""}?`, undo)) return;
  let n = 0;
  for (let at = 0; at < list.length; at += atOnce) n += await put(list.slice(at, at + atOnce).map((c) => c.id), undo);
  tell(n, undo);
  await look();
}

/** Returns the columns of a new key that was typed as column=value,column=value; as in an id, \, is a comma and \\ a backslash. */
export function newKey(typed) {
  const columns = {};
  for (const part of (typed.match(/(?:\\[\\,]|[^,])+/g) ?? []).filter((x) => x.trim())) {
    const [name, ...rest] = part.split("=");
    if (!rest.length) throw new Error(`The new key: “${part}” must be column=value. Nothing was written.`);
    columns[name.trim()] = rest.join("=").replace(/\\([\\,])/g, "$1");
  }
  return columns;
}

async function keepBoth(button, c, look) {
  const key = el("input", { size: "24", autocomplete: "off", spellcheck: "false", placeholder: "column=value" });
  const sentences = [
    `What ${c.loser.origin || "the other node"} wrote is inserted next to row ${c.row} of ${c.table}, here and at all nodes.`,
    "Rows that refer to it stay as they are.",
    el("label", {}, "New key as column=value, if the server does not number the rows. Join several columns with commas; write a comma in a value as \\, ", key),
  ];
  if (!await ask({ title: "Keep both rows?", sentences, yes: "Keep both" })) return;
  await busy(button, async () => {
    const columns = newKey(key.value);
    const { id } = await call("POST", `conflicts/${c.id}/keep-both`, { key: columns });
    say(`The row that lost is now row ${id} of ${c.table}.`);
    await look();
  });
}

/** The row as it is, as it won and as it lost; columns are those that stay ticked. */
function compared(now, columns) {
  const rows = [now.now, now.winner.row, now.loser.row];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))];
  const lines = names.map((name) => {
    const values = rows.map((row) => (row && Object.hasOwn(row, name) ? row[name] : undefined));
    const cells = values.map((v, i) => value(v, rows[i]));
    const tick = el("input", { type: "checkbox", "aria-label": `Put back ${name}`, onchange: () => (tick.checked ? columns.add(name) : columns.delete(name)) });
    tick.checked = true;
    const same = Boolean(rows[0]) === Boolean(rows[2]) && JSON.stringify(values[0]) === JSON.stringify(values[2]);
    return el("tr", { class: same ? "same" : "differs" }, el("td", {}, columns.has(name) && now.now !== null ? tick : null), el("th", { scope: "row" }, name), ...cells);
  });
  return el("div", { class: "scroll conflict", role: "region", "aria-label": "The row now, as it won and as it lost, scrolls sideways", tabindex: "0" },
    el("table", {}, el("thead", {}, el("tr", {}, el("td"), ...["Column", "Now", "Won then", "Lost"].map((word) => el("th", { scope: "col" }, word)))),
      el("tbody", {}, lines)));
}
