// Building the page: elements are made once, afterwards only the text that is different is changed.
//
// Everything that comes from outside is set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, className = "", text = undefined) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function svg(tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function icon(name) {
  const made = svg("svg", { class: "icon", "aria-hidden": "true" });
  made.append(svg("use", { href: `#icon-${name}` }));
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Bring `nodes` into this order within `parent`, and take everything else out. What is in its place is not touched. */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

/** A sign with a word: never colour alone. */
export function setSign(node, sign, text) {
  if (node.dataset.sign !== sign) {
    node.dataset.sign = sign;
    node.replaceChildren(icon(sign), element("span"));
  }
  setText(node.lastChild, text);
}
