// Makes and changes elements. What comes from the program goes in as text, never as HTML.

const svgTags = new Set(["svg", "path", "line", "text", "g"]);

/** An element with attributes, listeners (`onclick`) and children. Null, undefined and false attributes are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = svgTags.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** The element of the page with an id. */
export const byId = (id) => document.getElementById(id);

/** Sets the text of an element, if it is another: what stays the same keeps its selection. */
export function text(node, value) {
  const s = String(value);
  if (node.textContent !== s) node.textContent = s;
}

/** Sets an attribute, or removes it for null and false, if it is another. */
export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

const kept = new WeakMap(); // parent → key → child

/**
 * Makes the children of a parent those of a list. A child is made once for each key, and its method show is called
 * with the item each time; so focus and selection stay while the numbers change.
 */
export function list(parent, items, key, make) {
  const old = kept.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const k = key(item);
    if (!now.has(k)) now.set(k, [old.get(k) ?? make(item), item]);
  }
  for (const [k, child] of old) if (!now.has(k)) child.remove();
  const children = new Map();
  let place = parent.firstElementChild;
  for (const [k, [child, item]] of now) {
    children.set(k, child);
    child.show?.(item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  kept.set(parent, children);
}

/** Gives an element a method show, and returns it. */
export function shows(node, show) {
  node.show = show;
  return node;
}

/** Makes the options of a select those values, the first being "" with a label; the choice stays if it can. */
export function options(select, all, values) {
  const want = ["", ...values];
  if (want.length === select.options.length && want.every((v, i) => select.options[i].value === v)) return;
  const chosen = select.value;
  select.replaceChildren(...want.map((v) => el("option", { value: v }, v || all)));
  select.value = want.includes(chosen) ? chosen : "";
}
