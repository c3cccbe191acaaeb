// The end of the log: what is logged, what of it is shown, and a search in it.
import { byId, el } from "./dom.js";
import { clock, date, moment } from "./format.js";
import { call } from "./api.js";
import { say } from "./say.js";

const most = 1000; // lines that are kept
const levels = ["error", "warn", "info", "debug"];

export function log(app) {
  const lines = byId("log-lines"), ol = lines.firstElementChild;
  const level = byId("log-level"), shown = byId("log-shown"), find = byId("log-find"), following = byId("log-follow");
  let all = [], loaded = false, changed = 0;

  async function reload() {
    try {
      all = (await call("GET", "log")).slice(-most);
      loaded = true;
    } catch (error) {
      if (app.state) say(`Could not read the log: ${error.message}`, true);
    }
    paint();
  }

  const wanted = (l) => rank(l.level) <= levels.indexOf(shown.value) && (!find.value || textOf(l).toLowerCase().includes(find.value.toLowerCase()));

  function paint() {
    if (app.open !== "log") return;
    ol.replaceChildren(...all.filter(wanted).map(line));
    after();
  }

  function after() {
    byId("log-empty").hidden = ol.childElementCount > 0;
    lines.hidden = ol.childElementCount === 0;
    if (following.checked) lines.scrollTop = lines.scrollHeight;
  }

  for (const input of [shown, find]) input.addEventListener("input", paint);
  following.addEventListener("change", after);
  // Who scrolls up reads: the lines then stay where they are.
  lines.addEventListener("wheel", (event) => {
    if (event.deltaY < 0) following.checked = false;
  }, { passive: true });
  lines.addEventListener("keydown", (event) => {
    if (["ArrowUp", "PageUp", "Home"].includes(event.key)) following.checked = false;
  });
  level.addEventListener("change", async () => {
    changed = Date.now();
    try {
      await call("PUT", "log-level", { level: level.value });
      say(`The node now logs ${level.selectedOptions[0].text}.`);
    } catch (error) {
      say(`Could not change the level: ${error.message}`, true);
      changed = 0;
    }
  });

  return {
    reload,
    open: () => (loaded ? paint() : reload()),
    show(state) {
      // For a moment after a choice the state may still have the old level.
      if (Date.now() - changed > 3000 && document.activeElement !== level) level.value = state.logLevel === "trace" ? "debug" : state.logLevel;
    },
    add(l) {
      if (!loaded) return; // it comes with the others
      all.push(l);
      if (all.length > most) all = all.slice(-most);
      if (app.open !== "log" || !wanted(l)) return;
      ol.append(line(l));
      while (ol.childElementCount > most) ol.firstElementChild.remove();
      after();
    },
  };
}

const rank = (level) => Math.max(0, levels.indexOf(level === "trace" ? "debug" : level));

function textOf(l) {
  return `${l.level} ${l.logger ?? ""} ${l.message} ${fields(l)}`;
}

function fields(l) {
  if (l.fields === null || typeof l.fields !== "object") return "";
  return Object.entries(l.fields).map(([k, v]) => `${k}=${typeof v === "string" ? v : JSON.stringify(v)}`).join("  ");
}

function line(l) {
  const ms = moment(l.time);
  return el("li", { class: `level-${levels[rank(l.level)]}` },
    el("time", { title: date(ms) }, clock(ms)), el("span", { class: "level" }, l.level),
    el("span", { class: "logger" }, l.logger ?? ""), el("span", { class: "words" }, l.message, " ", el("span", { class: "muted" }, fields(l))));
}
