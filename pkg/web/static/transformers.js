// Transformers with their last error, and a reload of them and of the configuration.
import { byId, el, list, shows, text } from "./dom.js";
import { number } from "./format.js";
import { call } from "./api.js";
import { ask, busy, say } from "./say.js";
import { quiet } from "./overview.js";

export function transformers(app) {
  const button = byId("reload");
  button.addEventListener("click", async () => {
    const yes = await ask({
      title: "Reload configuration and transformers?",
      sentences: ["They are checked first. If there is an error, the node carries on as before and reports it.",
        "Otherwise it restarts with them, within a second or so. This page stays connected, unless http.listen or its token has changed."],
      yes: "Reload",
    });
    if (yes) await busy(button, async () => {
      await call("POST", "reload");
      say("The configuration and the transformers were reloaded.");
    });
  });

  return {
    show(state) {
      if (app.open !== "transformers") return;
      list(byId("transformers-list").tBodies[0], state.transformers, (t) => t.table, () => line(app));
      byId("transformers-scroll").hidden = state.transformers.length === 0;
      byId("transformers-empty").hidden = state.transformers.length > 0;
    },
  };
}

function line(app) {
  const table = el("th", { scope: "row" }), file = el("td", { class: "mono", "data-label": "File" }), calls = el("td", { class: "n", "data-label": "Calls" }), errors = el("td", { class: "n", "data-label": "Errors" });
  const last = el("td", { class: "message", "data-label": "Last error" }), row = el("td", { class: "mono", "data-label": "Row" }), at = app.time();
  return shows(el("tr", {}, table, file, calls, errors, last, row, el("td", { "data-label": "When" }, at)), (t) => {
    text(table, t.table);
    text(file, t.file);
    quiet(calls, number(t.calls), t.calls);
    quiet(errors, number(t.errors), t.errors, "bad-text");
    text(last, t.last || "none");
    text(row, t.lastRow ?? "");
    at.show(t.lastAt ?? null);
  });
}
