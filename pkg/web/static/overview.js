// The figures on top, the charts, and the nodes: this one with its database and broker, and the remotes.
import { attribute, byId, el, list, shows, text } from "./dom.js";
import { count, duration, number, rate } from "./format.js";
import { chart, roundNumber, roundTime } from "./chart.js";
import * as history from "./history.js";
import { say } from "./say.js";

const linesMost = 6; // of remotes in the chart of the lag
const remotesMost = 40; // that are listed unless asked for: those with problems first

export function overview(app) {
  const throughput = chart(byId("throughput"), { unit: (v) => `${rate(v)}/s`, axis: rate, round: roundNumber, least: 10 });
  const lag = chart(byId("lag"), { unit: duration, axis: duration, round: roundTime, least: 1 });
  const all = byId("remotes-all");
  let everything = false;
  all.addEventListener("click", () => {
    everything = !everything;
    if (app.state) view.show(app.state);
  });
  const kept = history.recorded("");
  const choices = [...document.querySelectorAll("input[name=span]")];
  for (const choice of choices) choice.addEventListener("change", () => app.state && charts(app.state));

  function charts(state) {
    const chosen = choices.find((c) => c.checked).value, longest = `Longest of ${state.remotes.length} remotes`;
    if (chosen === "live") {
      throughput.draw(app.samples, [
        { name: "Sent", value: (s) => s.sent },
        { name: "Received", value: (s) => s.received },
      ]);
      lag.draw(app.samples, state.remotes.length <= linesMost
        ? state.remotes.map((r) => ({ name: called(r.name), value: (s) => s.lag[r.name] }))
        : [{ name: longest, value: (s) => Math.max(0, ...Object.values(s.lag)) }]);
      return;
    }
    kept.read(() => charts(app.state), (why) => say(`Could not read the history: ${why}`, true));
    throughput.draw(...kept.draw(chosen, [
      { name: "Sent", value: (s) => s.sent },
      { name: "Received", value: (s) => s.received },
    ]));
    lag.draw(...kept.draw(chosen, [{ name: state.remotes.length > 1 ? longest : "Longest", value: (s) => s.waits }]));
  }

  const view = {
    show(state) {
      if (app.open !== "overview") return;
      figures(state);
      links(state);
      const still = (r) => (state.pauses ?? []).some((p) => !p.table && (!p.remote || p.remote === r.name));
      const worst = (r) => (r.errors ? 4 : 0) + (r.online ? 0 : 2) + (r.pending.rows || r.neverSent ? 1 : 0);
      all.hidden = state.remotes.length <= remotesMost;
      text(all, everything ? `Show ${number(remotesMost)}` : `Show all ${number(state.remotes.length)}`);
      const few = all.hidden || everything ? state.remotes : [...state.remotes].sort((a, b) => worst(b) - worst(a)).slice(0, remotesMost);
      list(byId("remotes").tBodies[0], few.map((r) => ({ ...r, paused: still(r) })), (r) => r.name, () => remote(app));
      charts(state);
    },
  };
  return view;
}

function figures(state) {
  const sum = (f) => state.remotes.reduce((n, r) => n + (f(r) || 0), 0);
  const all = named(state).length, online = state.remotes.filter((r) => r.online && r.name !== anyone).length;
  const refused = sum((r) => r.errors), never = sum((r) => r.neverSent);
  const pending = { rows: sum((r) => r.pending.rows), atLeast: state.remotes.some((r) => r.pending.atLeast) };
  list(byId("figures"), [
    ["Remotes online", `${online} of ${all}`, online < all ? "warn" : ""],
    ["Pending rows", count(pending), ""],
    ...(never ? [["Never sent", `${number(never)} ${never === 1 ? "table" : "tables"}`, "warn"]] : []),
    ["Errors", number(refused), refused ? "bad" : ""],
    ["Longest lag", duration(Math.max(0, ...state.remotes.map((r) => r.lag || 0))), ""],
    ["Sent", `${rate(sum((r) => r.sent.perSecond))}/s`, ""],
    ["Received", `${rate(sum((r) => r.received.perSecond))}/s`, ""],
    ["Not captured yet", count(state.uncaptured), ""],
  ], (f) => f[0], ([name]) => {
    const value = el("dd");
    return shows(el("div", {}, el("dt", {}, name), value), ([, v, kind]) => {
      text(value, v);
      value.className = kind;
    });
  });
}

function links(state) {
  list(byId("links"), [["Database", state.database], ["Broker", state.broker]], (l) => l[0], ([name]) => {
    const mark = pill(), where = el("span", { class: "mono" }), server = el("span", { class: "muted" }), error = el("span", { class: "bad-text" });
    return shows(el("li", {}, el("strong", {}, name), mark, where, server, error), ([, link]) => {
      mark.show(link.online ? ["good", "connected"] : ["bad", "away"]);
      text(where, link.address);
      text(server, link.server);
      text(error, link.online ? "" : link.error ?? "");
    });
  });
}

/** The names of the remotes. The state has all clients that are not named in the configuration as one, "*". */
export const named = (state) => state.remotes.map((r) => r.name).filter((name) => name !== anyone);

/** What a remote is called. */
export const called = (name) => (name === anyone ? "others" : name);

const anyone = "*";

/** A state as a dot and a word; show takes its kind (good, warn, bad, wait) and the word. */
export function pill() {
  const word = el("span");
  const node = el("span", { class: "pill" }, el("span", { class: "dot", "aria-hidden": "true" }), word);
  return shows(node, ([kind, w]) => {
    attribute(node, "class", `pill ${kind}`);
    text(word, w);
  });
}

function remote(app) {
  const state = pill(), heard = app.time();
  const [pending, errors, lag, inFlight, sent, received] = Array.from({ length: 6 }, () => el("td", { class: "n" }));
  const name = el("th", { scope: "row" }), protocol = el("td");
  return shows(el("tr", {}, name, el("td", {}, state), pending, errors, lag, inFlight, sent, received, el("td", {}, heard), protocol), (r) => {
    text(name, called(r.name));
    state.show(r.name === anyone ? ["wait", "not counted"] : r.paused ? ["wait", r.online ? "paused" : "paused, away"] : r.online ? ["good", "online"] : ["warn", r.met ? "away" : "never there"]);
    const never = r.neverSent ? `${number(r.neverSent)} ${r.neverSent === 1 ? "table" : "tables"} never sent` : "";
    quiet(pending, never && !r.pending.rows ? never : never ? `${count(r.pending)}, ${never}` : count(r.pending), r.pending.rows || r.neverSent);
    quiet(errors, number(r.errors), r.errors, "bad-text");
    quiet(lag, never && !r.lag ? "—" : duration(r.lag), r.lag);
    quiet(inFlight, number(r.inFlight), r.inFlight);
    quiet(sent, rate(r.sent.perSecond), r.sent.perSecond);
    quiet(received, rate(r.received.perSecond), r.received.perSecond);
    heard.show(r.heard ?? null);
    text(protocol, `${r.protocol || "unknown"}${r.key ? `, encrypted with ${r.key}` : ""}`);
  });
}

/** Shows a number; one that is zero steps back, others may have a class. */
export function quiet(cell, shown, value, kind = "") {
  text(cell, shown);
  attribute(cell, "class", `n ${value ? kind : "zero"}`.trim());
}
