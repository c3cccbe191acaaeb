// Tables that are sent as a whole: at the first meeting, or because somebody asked.
import { attribute, byId, el, list, options, shows, text } from "./dom.js";
import { duration, number, rate } from "./format.js";
import { busy, say } from "./say.js";
import { call } from "./api.js";
import { named } from "./overview.js";

const finishedMost = 8; // more than these are folded
const shownMost = 200;

export function transfers(app) {
  let folded = true;
  const more = byId("transfers-more");
  more.addEventListener("click", () => {
    folded = !folded;
    if (app.state) show(app.state);
  });
  const dialog = byId("resync-dialog"), button = byId("resync");
  button.addEventListener("click", () => {
    if (!app.state) return;
    byId("resync-table").replaceChildren(...app.state.tables.filter((t) => t.sends).map((t) => el("option", { value: t.name }, t.name)));
    options(byId("resync-remote"), "all remotes", named(app.state));
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    const table = byId("resync-table").value, remote = byId("resync-remote").value;
    busy(button, async () => {
      await call("POST", "resync", { table, remote, mode: byId("resync-mode").value });
      say(`${table} is sent to ${remote || "all remotes"} again.`);
    });
  });

  function show(state) {
    if (app.open !== "overview") return;
    const open = (t) => (t.finished ? 1 : 0);
    const all = [...state.transfers].sort((a, b) => open(a) - open(b) || Date.parse(b.started) - Date.parse(a.started));
    const finished = all.filter((t) => t.finished).length, fold = finished > finishedMost;
    more.hidden = !fold;
    text(more, folded ? `Show ${number(finished)} finished` : "Hide the finished ones");
    const shown = fold && folded ? all.filter((t) => !t.finished) : all.slice(0, shownMost);
    list(byId("transfers").tBodies[0], shown, (t) => JSON.stringify([t.table, t.remote]), () => line(app));
    byId("transfers-empty").hidden = all.length > 0;
    byId("transfers-scroll").hidden = shown.length === 0;
    button.hidden = !state.tables.some((t) => t.sends) || !state.remotes.length;
  }

  return { show };
}

function line(app) {
  const table = el("th", { scope: "row" }), remote = el("td"), mode = el("td"), rows = el("td", { class: "n" }), speed = el("td", { class: "n" });
  const bar = el("progress", { max: 100 }), part = el("span"), left = el("span"), done = app.time();
  return shows(el("tr", {}, table, remote, mode, el("td", { class: "progress" }, bar, part), rows, speed, el("td", {}, left, done)), (t) => {
    // The total is an estimate: only what has ended is whole.
    const percent = t.finished ? 100 : Math.min(99, Math.floor((100 * t.done) / Math.max(1, t.total)));
    text(table, t.table);
    text(remote, t.remote);
    text(mode, t.mode === "all" ? "are there: all" : "it lacks");
    bar.value = percent;
    attribute(bar, "aria-label", `${t.table} to ${t.remote}`);
    text(part, `${percent} %`);
    text(rows, t.finished || t.done > t.total ? number(t.done) : `${number(t.done)} of about ${number(t.total)}`);
    text(speed, t.finished ? "" : rate(t.rate));
    text(left, t.finished ? "done " : t.left > 0 ? `about ${duration(t.left)}` : "unknown");
    done.hidden = !t.finished;
    done.show(t.finished ?? null);
  });
}
