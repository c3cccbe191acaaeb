// Tells a person what has happened, seen and heard: one line at the foot of the page that goes by itself, and a
// question that must be answered.
import { byId, el, text } from "./dom.js";

let timer;

/** Shows and speaks a sentence; one that is bad stays until the next. */
export function say(sentence, bad = false) {
  const box = byId("said");
  text(byId("said-politely"), bad ? "" : sentence);
  text(byId("said-at-once"), bad ? sentence : "");
  box.classList.toggle("bad", bad);
  box.classList.add("shown");
  clearTimeout(timer);
  if (!bad) timer = setTimeout(() => box.classList.remove("shown"), 6000);
}

/** Speaks a sentence that is already to be seen. */
export const speak = (sentence) => text(byId("spoken"), sentence);

/** Hides what was said. */
export const hush = () => byId("said").classList.remove("shown");

/** Asks for a confirmation; the promise is true or false. What is no sentence is shown as it is. */
export function ask({ title, sentences, yes, bad = false }) {
  const dialog = byId("question");
  text(byId("question-title"), title);
  byId("question-text").replaceChildren(...sentences.map((s) => (s instanceof Node ? s : el("p", {}, s))));
  const button = byId("question-yes");
  text(button, yes);
  button.classList.toggle("bad", bad);
  dialog.returnValue = "";
  dialog.showModal();
  byId("question-no").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// Cancel does not submit: Enter in a text would press the first button that does. On a box to tick it does nothing.
document.addEventListener("click", (event) => event.target.closest?.('dialog button[type="button"][value=""]')?.closest("dialog").close());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("dialog input[type=checkbox]")) event.preventDefault();
});

/** Runs what a button does: the button waits meanwhile, and an error is said. */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true"); // not disabled: it keeps the focus
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}
