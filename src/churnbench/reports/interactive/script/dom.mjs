// Elements made of data: text always as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @param {string} tag its name
 * @param {object} [attributes] name -> value; `class`, `aria-...` and the like; null and undefined are left out
 * @param {...*} children elements, or anything else as text
 * @returns {HTMLElement} not yet in the page
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for a part of a drawing. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  for (const child of children) made.append(child instanceof Node ? child : document.createTextNode(String(child)));
  return made;
}

const LOOKS = {
  green: "green", thriving: "green", healthy: "green",
  yellow: "yellow", neutral: "yellow",
  red: "red", "at-risk": "red", critical: "red",
};

/** Style of a band: the three known colours, plain for any other name. */
export function lookOf(band) {
  const name = band.trim().toLowerCase();
  return Object.hasOwn(LOOKS, name) ? LOOKS[name] : "plain";
}

/** A band with its colour and, for those who do not see colours, its shape. */
export function chip(band) {
  return element("span", { class: `chip ${lookOf(band)}` }, band);
}

/**
 * A table.
 * @param {string} caption what it shows
 * @param {Array<[string, boolean]>} columns heading and whether numbers stand below it
 * @param {Array<Array<*>>} rows cells: text, elements, or [main, note]
 * @param {string} [how] where the figures come from
 * @returns {HTMLElement} a scrolling box with the table
 */
export function table(caption, columns, rows, how = "") {
  const heads = columns.map(([label, numeric]) => element("th", { scope: "col", class: numeric ? "num" : null }, label));
  const lines = rows.map((cells) => element("tr", {}, ...cells.map((cell, place) => cellOf(cell, columns[place][1]))));
  const whole = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...lines),
  );
  const box = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
  const parts = [element("h3", {}, caption), box];
  if (how) parts.push(element("p", { class: "fine" }, how));
  return element("div", { class: "tablebox" }, ...parts);
}

function cellOf(cell, numeric) {
  const kind = { class: numeric ? "num" : null };
  if (!Array.isArray(cell)) return element("td", kind, cell);
  return element("td", kind, cell[0], element("span", { class: "sub" }, cell[1]));
}
