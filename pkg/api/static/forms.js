// The forms of the configuration: a block is drawn from the connector's schemas, tested, and saved. What is right is for
// the connector to say; here it is only shown, at the field that it is about.
import { byId, el, text, attribute } from "./dom.js";
import { call } from "./api.js";
import { say, ask, busy } from "./say.js";
import { draw } from "./fields.js";

const called = { sources: "source", destinations: "destination", jobs: "job" };
let shown; // the configuration, as the connector has told it
let open; // the block in the form: section, name ("" is a new one), field

/** Shows what blocks there are. */
async function list() {
  shown = await call("GET", "configuration");
  text(byId("configuration-file"), shown.readOnly ?? `Changes are written to ${shown.file}, and a copy of it as it was is kept.`);
  paste("configuration-text", shown.text);
  for (const button of document.querySelectorAll("[data-add]")) attribute(button, "hidden", !shown.forms);
  byId("blocks").replaceChildren(...Object.keys(called).filter(() => shown.blocks).map((section) =>
    el("div", {}, el("h3", {}, section[0].toUpperCase() + section.slice(1)), el("ul", {}, Object.keys(shown.blocks[section] ?? {}).map((name) =>
      el("li", {}, el("button", { type: "button", class: "quiet", onclick: () => edit(section, name) }, name)))))));
}

/** Shows a text to be copied; nothing hides it. */
function paste(id, lines) {
  attribute(byId(id), "hidden", !lines);
  text(byId(id), lines ?? "");
}

/** Opens the form of a block. */
function edit(section, name) {
  const form = shown.forms[section];
  const block = name ? shown.blocks[section][name] : section === "jobs" ? { from: {}, to: {} } : {};
  open = { section, name, field: draw({ ...form, name: "" }, block, "") };
  text(byId("form-title"), name ? `Change the ${called[section]} ${name}` : `Add a ${called[section]}`);
  attribute(byId("form-name-field"), "hidden", Boolean(name));
  byId("form-name").value = name;
  byId("fields").replaceChildren(open.field);
  attribute(byId("form-remove"), "hidden", !name);
  text(byId("form-save"), shown.readOnly ? "Show the text" : "Save");
  result([]);
  attribute(byId("form"), "hidden", false);
  byId("form-title").focus();
}

/** The edit that the form describes. */
const change = (block) => ({ hash: shown.hash, section: open.section, name: open.name || byId("form-name").value.trim(), block });

/** Shows lines below the form, and takes away those at its fields. */
function result(lines, toPaste) {
  for (const old of document.querySelectorAll("#form .wrong")) old.remove();
  for (const old of document.querySelectorAll("#form [aria-invalid]")) old.removeAttribute("aria-invalid");
  byId("form-result").replaceChildren(...lines);
  paste("form-text", toPaste);
}

/** Does something with the form; what is wrong is shown where it is. */
async function attempt(work) {
  result([]);
  try {
    await work();
  } catch (error) {
    if (!error.said?.mistakes && !error.said?.text) throw error;
    mistakes(error.said);
  }
}

/** Shows mistakes at their fields; those elsewhere, below the form. */
function mistakes({ mistakes: list = [], text: toPaste, error }) {
  const { section, name } = change();
  const others = toPaste ? [el("li", {}, `${error} Put this into it:`)] : [];
  let first;
  result([]);
  for (const m of list) {
    const field = fieldOf(m.key.startsWith(`${section}.${name}`) ? m.key.slice(section.length + name.length + 2) : null);
    if (!field) {
      others.push(el("li", { class: "bad-text" }, (m.line ? `${m.file}:${m.line}: ` : "") + [m.key, m.text].filter(Boolean).join(": ")));
      continue;
    }
    const control = field.querySelector("input, select, textarea");
    for (let up = field.parentElement.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    field.append(el("p", { class: "bad-text wrong", id: `${control.id}-wrong` }, m.text));
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", `${control.id}-about ${control.id}-wrong`);
    first ??= control;
  }
  byId("form-result").replaceChildren(...others);
  paste("form-text", toPaste);
  (first ?? byId("form-result")).focus();
}

/** The field of a key, or of the nearest block around it. */
function fieldOf(key) {
  for (let at = key?.replace(/^to(?=\.|$)/, "to[0]"); at; at = at.replace(/\[\d+\]$|(^|\.)[^.[]*$/, "")) {
    const field = [...document.querySelectorAll("#fields [data-key]")].find((f) => f.dataset.key === at);
    if (field?.querySelector("input, select, textarea")) return field;
  }
  return null;
}

/** Tries the connections of the block. */
const test = () => attempt(async () => {
  const marks = { right: "✓", warning: "!", mistake: "✗" };
  const { findings } = await call("POST", "configuration/test", change(open.field.read()));
  result(findings.map((f) => el("li", { class: f.level === "mistake" ? "bad-text" : null }, `${marks[f.level]} ${f.about}: ${[f.text, f.do].filter(Boolean).join("; ")}`)));
  byId("form-result").focus();
});

/** Saves a block, null to remove it, and waits for the connector to work with it. */
const save = (block) => attempt(async () => {
  const before = await call("GET", "status");
  const { kept } = await call("POST", "configuration/save", change(block));
  let now;
  for (let tries = 0; tries < 120 && !(now && now.started !== before.started); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    now = await call("GET", "status").catch(() => null); // one connector leaves, the other comes
  }
  await list();
  close();
  byId("configuration-title").focus();
  if (now?.reloadError) say(`Saved, but it does not work, and the previous configuration is back: ${now.reloadError}`, true);
  else say(`Saved. The file as it was is ${kept}.`);
});

function close() {
  attribute(byId("form"), "hidden", true);
  byId("fields").replaceChildren();
}

if (byId("configuration")) {
  for (const button of document.querySelectorAll("[data-add]")) button.addEventListener("click", () => edit(button.dataset.add, ""));
  const on = (id, work) => byId(id).addEventListener("click", (event) => busy(event.currentTarget, work));
  on("form-test", test);
  on("form-save", () => save(open.field.read()));
  on("form-remove", async () => {
    if (await ask({ title: `Remove ${open.name}?`, sentences: [`The ${called[open.section]} is taken out of the configuration. What was sent stays where it is.`], yes: "Remove", bad: true })) await save(null);
  });
  byId("form-close").addEventListener("click", () => { close(); byId("configuration-title").focus(); });
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  list().catch((error) => text(byId("configuration-file"), error.message));
}
