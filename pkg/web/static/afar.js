// What can be done at a site from here: a row of buttons for what the site allows, and below it what came of them.
import { el, list, options, shows, text } from "./dom.js";
import { number, plural } from "./format.js";
import { call } from "./api.js";
import { ask, busy, say } from "./say.js";
import { pill } from "./overview.js";

/** The buttons of one site; show is called with the site as the fleet has it. */
export function afar(app) {
  let name = "", may = [], looked = null;
  const at = (what) => call("POST", `at/${encodeURIComponent(name)}`, { by: "the page", ...what });

  const title = el("h3", { tabindex: "-1" }), rows = el("ul", { class: "afar-rows" }), found = el("ul", { class: "afar-rows" }), more = el("p", { class: "muted" });
  const all = el("button", { class: "quiet", onclick: () => busy(all, async () => {
    const { rows: n } = await at({ do: "retry" });
    say(`${plural(n ?? 0, "row is", "rows are")} sent again by ${name}.`);
    await look();
  }) }, "Retry all");
  const result = el("div", { class: "afar-result", hidden: true }, title, all, rows, found, more);

  async function look() {
    looked = await at({ do: "look" });
    const refused = looked.errors ?? [];
    result.hidden = false;
    text(title, refused.length ? `Rows that its remotes refused` : "No rows refused");
    list(rows, refused, (r) => JSON.stringify([r.remote, r.table, r.id]), () => row());
    list(found, [], () => "", () => null);
    text(more, looked.more ? `The latest ${number(refused.length)} are shown.` : "");
    all.hidden = !refused.length || !may.includes("retry");
  }

  function row() {
    const word = el("strong"), waits = pill(), reason = el("span");
    let shown;
    const button = el("button", { class: "quiet", onclick: () => busy(button, async () => {
      const { rows: n } = await at({ do: "retry", remote: shown.remote, table: shown.table, row: shown.id });
      say(n ? `Row ${shown.id} of ${shown.table} is sent to ${shown.remote} again.` : "The row is no longer refused.");
      title.focus(); // the button may go
      await look();
    }) }, "Retry");
    return shows(el("li", {}, word, waits, reason, button), (r) => {
      shown = r;
      text(word, `${r.table} ${r.id} → ${r.remote}`);
      waits.hidden = !r.waits;
      waits.show(["wait", "waits for another row"]);
      text(reason, r.message);
      button.hidden = !may.includes("retry");
      button.setAttribute("aria-label", `Retry row ${r.id} of ${r.table} for ${r.remote} at ${name}`);
    });
  }

  async function compare() {
    const x = await at({ do: "verify" });
    const compared = x.compared ?? [], unequal = compared.filter((c) => !c.equal).length;
    result.hidden = false;
    text(title, compared.length ? `${plural(compared.length, "comparison")}: ${unequal ? `${number(unequal)} not equal` : "all are equal"}` : "Nothing was compared");
    list(rows, [], () => "", () => null);
    list(found, compared, (c) => JSON.stringify([c.table, c.remote]), () => {
      const word = el("strong"), outcome = pill(), why = el("span");
      return shows(el("li", {}, word, outcome, why), (c) => {
        text(word, `${c.table} with ${c.remote}`);
        outcome.show(c.equal ? ["good", "equal"] : c.error ? ["wait", "not compared"] : ["bad", "differs"]);
        text(why, c.error || (c.equal ? plural(c.rows, "row") : `${plural(c.differs, "row differs", "rows differ")} ${(c.differ ?? []).map((d) => d.id).join(", ")}`));
      });
    });
    all.hidden = true;
    text(more, x.more ? "Not everything fits." : "");
    title.focus();
  }

  const field = (label, select) => el("label", {}, label, " ", select);

  async function pauses() {
    const length = el("select", {}, [["3600", "1 hour"], ["900", "15 minutes"], ["28800", "8 hours"], ["86400", "1 day"], ["0", "until resumed"]].map(([value, word]) => el("option", { value }, word)));
    const reason = el("input", { maxlength: "255" });
    const yes = await ask({ title: `Pause ${name}?`, sentences: ["Its rows wait there and are sent afterwards. It goes on receiving.", el("div", { class: "fields" }, field("For", length), field("Reason", reason))], yes: "Pause" });
    if (!yes) return;
    await at({ do: "pause", seconds: Number(length.value), reason: reason.value });
    say(`Paused: what ${name} sends.`);
  }

  async function resumes() {
    const { ended } = await at({ do: "resume" });
    say(ended?.length ? `Resumed: what ${name} sends.` : "Nothing was paused there.");
  }

  async function sends() {
    if (may.includes("look") && !looked) looked = await at({ do: "look" });
    const tables = looked?.tables ?? app.state?.tables.map((t) => t.name) ?? [], table = el("select"), remote = el("select");
    table.append(...tables.map((t) => el("option", { value: t }, t)));
    options(remote, "all its remotes", (looked?.remotes ?? []).map((r) => r.name));
    const mode = el("select", {}, el("option", { value: "missing" }, "that they lack"), el("option", { value: "all" }, "all: overwrites older ones"));
    const yes = await ask({ title: `Have ${name} send a table again?`, sentences: ["Changes continue meanwhile.", el("div", { class: "fields" }, field("Table", table), field("To", remote), field("Rows", mode))], yes: "Send" });
    if (!yes) return;
    const x = await at({ do: "resync", table: table.value, remote: remote.value, mode: mode.value });
    say(`${name} sends ${table.value} to ${(x.remotes ?? []).map((r) => r.name).join(", ") || "nobody"} again.`);
  }

  const tools = [["look", "Refused rows", look], ["pause", "Pause…", pauses], ["pause", "Resume", resumes], ["verify", "Verify", compare], ["resync", "Send a table again…", sends]].map(([right, word, work]) => {
    const button = el("button", { class: "quiet", onclick: () => busy(button, work) }, word);
    return shows(button, () => {
      button.hidden = !may.includes(right);
      button.setAttribute("aria-label", `${word.replace("…", "")}, ${name}`);
    });
  });
  const bar = el("div", { class: "afar", role: "group" }, tools);
  return shows(el("div", {}, bar, result), (x) => {
    name = x.name;
    may = x.own ? [] : x.told?.summary.actions ?? [];
    bar.hidden = !may.length;
    if (!x.online || !may.length) result.hidden = true;
    bar.setAttribute("aria-label", `What can be done at ${name} from here`);
    for (const button of tools) button.show();
  });
}
