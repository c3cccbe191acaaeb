// Refused rows, with retry: of one, or of all of a remote or table.
import { byId, el, list, options, shows, text } from "./dom.js";
import { number, plural } from "./format.js";
import { address, call } from "./api.js";
import { busy, say } from "./say.js";
import { named, pill } from "./overview.js";

const most = 200; // rows that are shown
const pause = 3000; // ms between two looks while the view is open

export function errors(app) {
  const remote = byId("errors-remote"), table = byId("errors-table"), all = byId("errors-retry");
  let looked = 0, looking = false;

  async function look() {
    if (looking) return;
    looking = true;
    looked = Date.now();
    try {
      const rows = await call("GET", address("errors", { remote: remote.value, table: table.value, limit: most }));
      list(byId("errors-list").tBodies[0], rows, (r) => JSON.stringify([r.remote, r.table, r.id]), () => line(app, look));
      byId("errors-scroll").hidden = rows.length === 0;
      byId("errors-empty").hidden = rows.length > 0;
      const total = app.state?.streams.filter((s) => picks(s)).reduce((n, s) => n + s.errors, 0) ?? 0;
      text(byId("errors-more"), rows.length === most && total > most ? `The latest ${number(most)} of ${number(total)} are shown.` : "");
      all.hidden = rows.length === 0;
    } catch (error) {
      if (app.state) say(`Could not read the errors: ${error.message}`, true);
    } finally {
      looking = false;
    }
  }

  const picks = (s) => (!remote.value || s.remote === remote.value) && (!table.value || s.table === table.value);

  function label() {
    text(all, ["Retry all", table.value && `of ${table.value}`, remote.value && `for ${remote.value}`].filter(Boolean).join(" "));
  }

  for (const select of [remote, table]) {
    select.addEventListener("change", () => {
      label();
      look();
    });
  }
  all.addEventListener("click", () => busy(all, async () => {
    const { rows } = await call("POST", "retry", { remote: remote.value, table: table.value });
    say(`${plural(rows, "row is", "rows are")} sent again.`);
    await look();
  }));

  app.pick = (r, t) => {
    remote.value = r;
    table.value = t;
    label();
  };

  return {
    open: look,
    show(state) {
      options(remote, "all", named(state));
      options(table, "all", state.tables.map((t) => t.name));
      if (app.open !== "errors") return;
      label();
      for (const row of byId("errors-list").tBodies[0].rows) row.tick();
      if (Date.now() - looked > pause) look();
    },
  };
}

function line(app, look) {
  const remote = el("td", { "data-label": "Remote" }), table = el("td", { "data-label": "Table" });
  const id = el("th", { scope: "row", class: "mono", "data-label": "Row" }), waits = pill(), reason = el("span"), message = el("td", { class: "message" }, waits, reason);
  const attempts = el("td", { class: "n", "data-label": "Tries" }), at = app.time(), next = app.time();
  let shown;
  const button = el("button", { class: "quiet", onclick: () => busy(button, async () => {
    const { rows } = await call("POST", "retry", { remote: shown.remote, table: shown.table, id: shown.id });
    say(rows ? `Row ${shown.id} of ${shown.table} is sent to ${shown.remote} again.` : "The row is no longer refused.");
    await look();
  }) }, "Retry");
  const row = el("tr", {}, remote, table, id, message, attempts, el("td", { "data-label": "Last try" }, at), el("td", { "data-label": "Next try" }, next), el("td", {}, button));
  row.tick = () => {
    at.show(shown.at);
    next.show(shown.retryAt);
  };
  return shows(row, (r) => {
    shown = r;
    text(remote, r.remote);
    text(table, r.table);
    text(id, r.id);
    waits.hidden = !r.waits;
    waits.show(["wait", "waits for another row"]);
    text(reason, r.message);
    text(attempts, number(r.attempts));
    button.setAttribute("aria-label", `Retry row ${r.id} of ${r.table} for ${r.remote}`);
    row.tick();
  });
}
