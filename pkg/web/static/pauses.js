// What is paused: each pause with a button that ends it, and a dialog to begin one.
import { byId, el, list, options, shows, text } from "./dom.js";
import { duration, moment } from "./format.js";
import { busy, say } from "./say.js";
import { call } from "./api.js";
import { named } from "./overview.js";

export function pauses(app) {
  const dialog = byId("pause-dialog"), button = byId("pause");
  button.addEventListener("click", () => {
    if (!app.state) return;
    options(byId("pause-remote"), "all remotes", named(app.state));
    options(byId("pause-table"), "all tables", app.state.tables.filter((t) => t.sends).map((t) => t.name));
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    const remote = byId("pause-remote").value, table = byId("pause-table").value;
    busy(button, async () => {
      await call("POST", "pause", { remote, table, seconds: Number(byId("pause-for").value), reason: byId("pause-reason").value });
      say(`Paused: ${what({ remote, table })}.`);
    });
  });

  return {
    show(state) {
      if (app.open !== "overview") return;
      const all = state.pauses ?? [];
      list(byId("pauses"), all, (p) => JSON.stringify([p.remote, p.table]), () => line(app));
      byId("pauses-empty").hidden = all.length > 0;
      byId("pauses-card").hidden = all.length === 0 && (!state.tables.some((t) => t.sends) || !state.remotes.length);
    },
  };
}

/** What a pause holds back. */
function what({ remote, table }) {
  return `${table || "all tables"} to ${remote || "all remotes"}`;
}

function line(app) {
  const name = el("strong"), until = el("span"), reason = el("span", { class: "muted" }), along = el("span", { class: "muted" });
  const end = el("button", { class: "quiet" }, "Resume");
  let shown;
  end.addEventListener("click", () => busy(end, async () => {
    const all = await call("POST", "resume", { remote: shown.remote, table: shown.table, exactly: true });
    say(all.length ? `Resumed: ${what(shown)}.` : "It had ended already.");
  }));
  return shows(el("li", {}, name, until, reason, along, end), (p) => {
    shown = p;
    text(name, what(p));
    end.setAttribute("aria-label", `Resume ${what(p)}`);
    text(until, p.until ? `goes on in ${duration(Math.max(0, (moment(p.until) - app.now()) / 1000))}` : "until it is resumed");
    text(reason, [p.by && `by ${p.by}`, p.reason].filter(Boolean).join(": "));
    text(along, p.along?.length ? `with it ${p.along.join(", ")}` : "");
  });
}
