// Draws the fields of a form from a schema, and reads from them what a person has entered. A field is an element with a
// method read; it returns undefined for a key that is not to be in the file.
import { el } from "./dom.js";

const hidden = "***"; // a secret that the connector has
let ids = 0;

/** A sentence of the documentation: code stays code, links become their words. */
const prose = (markdown) => (markdown ?? "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));

const join = (path, name) => (path ? `${path}.${name}` : name);
const filled = (form, name) => form?.type?.includes(name);

/** A control with its label and what it is for. */
function field(form, path, control, read, ...more) {
  control.id = `field-${++ids}`;
  control.setAttribute("aria-describedby", `${control.id}-about`);
  if (form.required) control.setAttribute("aria-required", "true");
  const label = el("label", { for: control.id }, form.name, form.required ? el("span", { class: "muted" }, " (required)") : null);
  const about = el("small", { class: "muted", id: `${control.id}-about` }, prose(form.description));
  return Object.assign(el("div", { class: "field", "data-key": path }, label, ...more, control, about), { read });
}

/** A hint of what could stand here. */
const hint = (form) => {
  const one = form.default ?? form.examples?.[0];
  return one === undefined ? null : typeof one === "string" ? one : JSON.stringify(one);
};

/** Draws a value. */
export function draw(form, value, path) {
  if (form.secret) return secret(form, value, path);
  if (form.items && (form.items.by || form.items.fields)) return several(form, value, path);
  if (form.by) return choice(form, value, path);
  if (form.fields) return block(form, value, path, form.fields);
  if (form.others) return String(form.others.type) === "string" ? pairs(form, value, path) : json(form, value, path);
  if (filled(form, "array")) return lines(form, value, path);
  if (form.enum) return select(form, value, path);
  if (filled(form, "boolean")) return check(form, value, path);
  if (!form.type) return json(form, value, path);
  return plain(form, value, path);
}

/** Text or a number. */
function plain(form, value, path) {
  const long = form.name === "query" || String(value ?? "").includes("\n");
  const control = el(long ? "textarea" : "input", { placeholder: hint(form), rows: long ? 4 : null, spellcheck: "false", autocomplete: "off" });
  control.value = value ?? "";
  return field(form, path, control, () => {
    if (control.value === "") return undefined;
    return !filled(form, "string") && Number.isFinite(Number(control.value)) ? Number(control.value) : control.value;
  });
}

function select(form, value, path) {
  const standard = form.default === undefined ? "" : `${form.default} (default)`;
  const control = el("select", {}, el("option", { value: "" }, standard), form.enum.map((v) => el("option", { value: v }, v)));
  control.value = value ?? "";
  return field(form, path, control, () => control.value || undefined);
}

function check(form, value, path) {
  const control = el("input", { type: "checkbox" });
  control.checked = value ?? form.default ?? false;
  return field(form, path, control, () => (value === undefined && control.checked === (form.default ?? false) ? undefined : control.checked));
}

/** A list, or one text in its place: an item on each line. */
function lines(form, value, path) {
  const control = el("textarea", { rows: 2, placeholder: hint(form) ?? "one on each line", spellcheck: "false" });
  control.value = [value ?? []].flat().join("\n");
  return field(form, path, control, () => {
    const items = control.value.split("\n").map((l) => l.trim()).filter(Boolean);
    if (!items.length) return undefined;
    return items.length === 1 && filled(form, "string") && !Array.isArray(value) ? items[0] : items;
  });
}

/** Keys whose names a person chooses, such as headers. */
function pairs(form, value, path) {
  const control = el("textarea", { rows: 2, placeholder: "name: value", spellcheck: "false" });
  control.value = Object.entries(value ?? {}).map(([k, v]) => `${k}: ${v}`).join("\n");
  return field(form, path, control, () => {
    const all = control.value.split("\n").filter((l) => l.trim()).map((l) => l.split(/:(.*)/s).map((part) => part.trim()));
    return all.length ? Object.fromEntries(all.map(([k, v]) => [k, v ?? ""])) : undefined;
  });
}

/** Any JSON. What is none goes as text: the connector says what is wrong. */
function json(form, value, path) {
  const control = el("textarea", { rows: 3, spellcheck: "false" });
  control.value = value === undefined ? "" : JSON.stringify(value, null, 2);
  return field(form, path, control, () => {
    if (!control.value.trim()) return undefined;
    try {
      return JSON.parse(control.value);
    } catch {
      return control.value;
    }
  });
}

/** A secret: stored and never shown, entered, in a file, or in a variable of the connector's environment. */
function secret(form, value, path) {
  const control = el("input", { autocomplete: "new-password", spellcheck: "false" });
  const ways = { none: "none", keep: "stored, not shown", enter: "enter it", file: "in a file", variable: "in a variable" };
  if (value !== hidden) delete ways.keep;
  const how = el("select", { "aria-label": `${form.name}: how it is given` }, Object.entries(ways).map(([v, words]) => el("option", { value: v }, words)));
  const variable = /^\$\{([^}]*)\}$/.exec(value);
  how.value = value === undefined ? (form.required ? "enter" : "none") : value === hidden ? "keep" : variable ? "variable" : value.file !== undefined ? "file" : "enter";
  control.value = variable?.[1] ?? value?.file ?? "";
  const adjust = () => {
    control.hidden = how.value === "none" || how.value === "keep";
    control.type = how.value === "enter" ? "password" : "text";
    control.placeholder = { file: "its path, beside the configuration", variable: "its name" }[how.value] ?? "";
  };
  how.addEventListener("change", () => {
    control.value = "";
    adjust();
  });
  adjust();
  return field(form, path, control, () => ({
    none: undefined, keep: hidden, enter: control.value.replaceAll("${", "$${"), file: { file: control.value }, variable: "${" + control.value + "}",
  })[how.value], how);
}

/** The keys of a block. Those that forms do not show stay. */
function block(form, value, path, fields) {
  const inner = fields.toSorted((a, b) => Boolean(b.required) - Boolean(a.required)).map((f) => [f.name, draw(f, value?.[f.name], join(path, f.name))]);
  const names = new Set(fields.map((f) => f.name));
  const rest = Object.entries(value ?? {}).filter(([name]) => !names.has(name));
  const read = () => {
    const all = [...rest, ...inner.map(([name, node]) => [name, node.read()]).filter(([, v]) => v !== undefined)];
    return all.length || value || form.required ? Object.fromEntries(all) : undefined;
  };
  const nodes = inner.map(([, node]) => node);
  if (!form.name) return Object.assign(el("div", { "data-key": path || null }, nodes), { read });
  const about = form.description ? el("small", { class: "muted" }, prose(form.description)) : null;
  return Object.assign(el("details", { class: "block", "data-key": path, open: Boolean(value || form.required) }, el("summary", {}, form.name), about, nodes), { read });
}

/** A block of one of several kinds, which one of its keys tells apart. */
function choice(form, value, path) {
  const of = (kind) => kind.fields.find((f) => f.name === form.by);
  const names = (form.kinds ?? []).flatMap((kind) => of(kind).enum.map((name) => [name, kind]));
  const by = el("select", {}, el("option", { value: "" }, names.length ? "choose one" : "there is none yet"), names.map(([name, kind]) =>
    el("option", { value: name }, kind.title && kind.title !== name ? `${name} (${kind.title})` : name)));
  by.value = value?.[form.by] ?? "";
  const chosen = field({ name: form.by, required: true, description: names.length ? of(names[0][1]).description : "" }, join(path, form.by), by, () => by.value || undefined);
  const about = chosen.querySelector("small");
  const body = el("div");
  let inner;
  const show = (given) => {
    const kind = names.find(([name]) => name === by.value)?.[1];
    about.replaceChildren(...prose(kind?.description ?? (kind ? of(kind).description : "")));
    inner = kind ? block({}, given, path, kind.fields.filter((f) => f.name !== form.by)) : null;
    body.replaceChildren(...(inner ? [inner] : []));
  };
  show(value);
  by.addEventListener("change", () => { // what both kinds have stays
    const kind = names.find(([name]) => name === by.value)?.[1];
    show(Object.fromEntries(Object.entries(inner?.read() ?? {}).filter(([name]) => kind?.fields.some((f) => f.name === name))));
  });
  const read = () => (by.value || form.required ? { ...inner?.read(), [form.by]: by.value || undefined } : undefined);
  if (!form.name) return Object.assign(el("div", {}, chosen, body), { read });
  return Object.assign(el("details", { class: "block", "data-key": path, open: Boolean(value || form.required) }, el("summary", {}, form.name), chosen, body), { read });
}

/** A list of blocks, or one block in its place. */
function several(form, value, path) {
  const single = !Array.isArray(value) && filled(form, "object");
  const body = el("div");
  const add = (given) => {
    const item = draw({ ...form.items, name: `${form.name} ${body.children.length + 1}`, description: "", required: true }, given, `${path}[${body.children.length}]`);
    const remove = el("button", { type: "button", class: "quiet", onclick: () => item.remove() }, "Take it out");
    item.append(remove);
    body.append(item);
  };
  for (const given of [value ?? (form.required ? {} : [])].flat()) add(given);
  const more = el("button", { type: "button", class: "quiet", onclick: () => add({}) }, "Add one");
  const read = () => {
    const all = [...body.children].map((item) => item.read());
    return single && all.length === 1 ? all[0] : all.length ? all : undefined;
  };
  const about = el("small", { class: "muted" }, prose(form.description));
  return Object.assign(el("details", { class: "block", "data-key": path, open: Boolean(value || form.required) }, el("summary", {}, form.name), about, body, more), { read });
}
