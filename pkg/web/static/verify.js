// Compares tables with remotes, shows each comparison as it ends, and repairs.
import { byId, el, list, options, shows, text } from "./dom.js";
import { number, plural } from "./format.js";
import { lines } from "./api.js";
import { ask, busy, say } from "./say.js";
import { named, pill } from "./overview.js";

const shownMost = 20; // rows of a comparison that are named

export function verify(app) {
  const table = byId("verify-table"), remote = byId("verify-remote"), progress = byId("verify-progress");
  const results = new Map(); // table and remote → comparison
  const key = (c) => JSON.stringify([c.table, c.remote]);

  function take(c) {
    const old = results.get(key(c));
    // The state names only some of the rows that the answer had.
    if (!old || Date.parse(c.at) > Date.parse(old.at)) results.set(key(c), c);
  }

  function paint() {
    const all = [...results.values()].sort((a, b) => a.table.localeCompare(b.table) || a.remote.localeCompare(b.remote));
    list(byId("verify-list").tBodies[0], all, key, () => line(app));
    byId("verify-scroll").hidden = all.length === 0;
    byId("verify-empty").hidden = all.length > 0;
  }

  async function compare(repair) {
    const wanted = { tables: table.value ? [table.value] : [], remotes: remote.value ? [remote.value] : [], repair };
    let done = 0, differ = 0, failed = 0;
    text(progress, "Comparing…");
    try {
      for await (const c of lines("POST", "verify", wanted)) {
        if (!c.table) throw new Error(c.error || "the answer has a line that is not a comparison");
        done++;
        if (c.error) failed++;
        else if (!c.equal) differ++;
        results.set(key(c), c);
        text(progress, `Comparing… ${number(done)} done.`);
        paint();
      }
      const parts = [differ ? `${differ} differ${differ === 1 ? "s" : ""}` : failed ? "" : "all are equal", failed ? `${failed} could not be made` : ""];
      text(progress, `${plural(done, "comparison")}: ${parts.filter(Boolean).join(", ")}.`);
    } catch (error) {
      text(progress, `Stopped after ${plural(done, "comparison")}.`);
      throw error;
    }
  }

  byId("verify-start").addEventListener("click", (event) => busy(event.currentTarget, () => compare(false)));
  byId("verify-repair").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    const yes = await ask({
      title: "Repair the differences?",
      sentences: [`${table.value || "All tables"} and ${remote.value || "all remotes"} are compared, and both nodes send each other the rows that differ.`,
        "The later version of each row wins, on both sides."],
      yes: "Repair", bad: true,
    });
    if (yes) await busy(button, async () => {
      await compare(true);
      say("The differing rows are on their way. Compare again to check that they are equal.");
    });
  });

  return {
    show(state) {
      options(table, "all", state.tables.map((t) => t.name));
      options(remote, "all", named(state));
      for (const c of state.verified) take(c);
      if (app.open === "verify") paint();
    },
  };
}

function line(app) {
  const table = el("th", { scope: "row" }), remote = el("td", { "data-label": "Remote" }), result = pill(), rows = el("td", { class: "n", "data-label": "Rows here" }), at = app.time();
  const about = el("td");
  let told = "";
  return shows(el("tr", {}, table, remote, el("td", { "data-label": "Result" }, result), rows, el("td", { "data-label": "Compared" }, at), about), (c) => {
    const differ = c.differ ?? [];
    text(table, c.table);
    text(remote, c.remote);
    result.show(c.error ? ["bad", "not compared"] : c.equal ? ["good", "equal"] : ["warn", c.differs ? `${number(c.differs)} differ` : "not all compared"]);
    text(rows, c.error ? "" : number(c.rows));
    at.show(c.at);
    const now = JSON.stringify([c.error, differ, c.repairs, c.heldBack, c.incomparable]);
    if (now === told) return; // a list that somebody has opened stays as it is
    told = now;
    about.replaceChildren(...details(c, differ));
  });
}

function details(c, differ) {
  if (c.error) return [el("span", { class: "muted" }, c.error)];
  const parts = [];
  if (differ.length) {
    const items = differ.slice(0, shownMost).map((d) => el("li", {}, el("span", { class: "mono" }, d.id), ` ${d.kind}${d.pending ? ", pending" : ""}`));
    if (c.differs > items.length) items.push(el("li", {}, `and ${number(c.differs - items.length)} more`));
    parts.push(el("details", {}, el("summary", {}, plural(c.differs, "row")), el("ul", {}, items)));
  }
  if (c.heldBack) parts.push(el("span", {}, `${plural(c.heldBack, "row")} held back by the transformer `));
  if (c.incomparable) parts.push(el("span", {}, `${plural(c.incomparable, "row")} not comparable: a transformer changes ${c.incomparable === 1 ? "it" : "them"} `));
  if (c.repairs) parts.push(el("span", {}, `${plural(c.repairs, "row")} sent to repair`));
  return parts;
}
