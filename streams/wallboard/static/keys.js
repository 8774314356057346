// The keyboard: Tab comes to the names of tiles and to the numbers, arrows go from number to number.

/** One of the numbers is in the Tab order at a time; arrows go to the next one in their direction. */
export class Roving {
  constructor(root) {
    this.root = root;
    root.addEventListener("focusin", (event) => event.target.matches("button.number") && this.#take(event.target));
    root.addEventListener("keydown", (event) => this.#move(event));
  }

  /** See that there is exactly one that Tab comes to. To be called when numbers have come or gone. */
  settle() {
    const at = this.root.querySelectorAll('button.number[tabindex="0"]');
    if (at.length === 1) return;
    const first = at[0] ?? this.root.querySelector("button.number");
    if (first) this.#take(first);
  }

  #take(button) {
    for (const other of this.root.querySelectorAll('button.number[tabindex="0"]')) other.tabIndex = -1;
    button.tabIndex = 0;
  }

  #move(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way || !event.target.matches("button.number") || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = nearest(event.target, [...this.root.querySelectorAll("button.number")], way);
    event.preventDefault();
    next?.focus();
  }
}

// the nearest in that direction; what lies to the side counts three times
function nearest(from, buttons, [dx, dy]) {
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const [x, y] = middle(from);
  let best = null;
  for (const button of buttons) {
    if (button === from || !button.offsetParent) continue;
    const [bx, by] = middle(button);
    const along = (bx - x) * dx + (by - y) * dy;
    const aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
    if (along <= 4 || aside > along * 4) continue;
    const distance = along + 3 * aside;
    if (!best || distance < best.distance) best = { button, distance };
  }
  return best?.button;
}
