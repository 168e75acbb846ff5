// Small helpers to write the page. All text is set as text: names from configurations and events are never markup.

/** An element: `el("p", { class: "x", onclick }, "text", child)`. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((c) => c !== null && c !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text only when it is another one: screen readers and layout are left alone otherwise. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function show(element, visible) {
  if (element && element.hidden === visible) element.hidden = !visible;
}

/** Says something to screen readers, politely and not more often than every few seconds. */
let said = 0;
export function announce(text) {
  const now = Date.now();
  if (now - said < 30_000) return;
  said = now;
  setText(byId("announcer"), text);
}

/** A table of plain texts; the first cell of each row is its header. */
export function table(caption, heads, rows) {
  return el(
    "table",
    {},
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el(
      "tbody",
      {},
      ...rows.map((row) => el("tr", {}, ...row.map((cell, i) => (i === 0 ? el("th", { scope: "row" }, cell) : el("td", {}, cell))))),
    ),
  );
}
