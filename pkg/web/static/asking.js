// Sites that ask to join: a person compares the characters, and lets each in or dismisses it.
import { byId, el, list, shows, text } from "./dom.js";
import { call } from "./api.js";
import { ask, busy, say } from "./say.js";

export function asking() {
  const card = byId("asking"), title = byId("asking-title");
  return {
    show(state) {
      const all = state.asking ?? [];
      card.hidden = all.length === 0;
      list(card.querySelector("ul"), all, (w) => JSON.stringify([w.site, w.words]), () => line(title));
    },
  };
}

function line(title) {
  const name = el("strong"), words = el("code");
  let shown;
  const settle = (accept, done) => async (event) => {
    const button = event.currentTarget;
    const yes = await ask({
      title: accept ? `Let ${shown.site} in?` : `Dismiss ${shown.site}?`,
      sentences: accept ? [`It must show these characters: ${shown.words}`, "It gets its tables, and what it may write is accepted."] : ["It needs a new invitation to ask again."],
      yes: accept ? "Let in" : "Dismiss", bad: !accept,
    });
    if (yes) await busy(button, async () => {
      await call("POST", "sites", { ...shown, accept });
      title.focus(); // the button goes
      say(`${shown.site} ${done}.`);
    });
  };
  const admit = el("button", { class: "quiet", onclick: settle(true, "is let in") }, "Let in…"), refuse = el("button", { class: "quiet", onclick: settle(false, "is dismissed") }, "Dismiss…");
  return shows(el("li", {}, name, words, admit, refuse), (w) => {
    shown = w;
    text(name, w.site);
    text(words, w.words);
    admit.setAttribute("aria-label", `Let in, ${w.site}`);
    refuse.setAttribute("aria-label", `Dismiss, ${w.site}`);
  });
}
