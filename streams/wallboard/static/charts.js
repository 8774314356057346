// Lines and bars. They say nothing that numbers beside them do not say: hidden from screen readers.

import { element, setText, svg } from "/static/dom.js";

const WIDTH = 240;
const HEIGHT = 40;

/** A line of samples over an hour, with `draw(samples)`. */
export class Line {
  constructor(className = "") {
    this.root = svg("svg", {
      class: `line ${className}`,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    this.area = svg("path", { class: "line-area" });
    this.line = svg("path", { class: "line-line" });
    this.goal = svg("path", { class: "line-goal" });
    this.root.append(svg("path", { class: "line-base", d: `M0,${HEIGHT}H${WIDTH}` }), this.area, this.goal, this.line);
  }

  /** `samples`: numbers, null for a gap, the oldest first; `most`: what the height is at least; `goal`: a level. */
  draw(samples, { places = 240, most = 4, goal = null } = {}) {
    const known = samples.filter((value) => value !== null);
    const top = Math.max(most, goal ?? 0, ...known);
    const y = (value) => (HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1);
    const x = (index) => (((places - samples.length + index) / (places - 1)) * WIDTH).toFixed(1);
    this.root.toggleAttribute("hidden", known.length < 2);
    let line = "";
    let area = "";
    for (const [first, last] of runs(samples)) {
      const points = [];
      for (let i = first; i <= last; i += 1) points.push(`${x(i)},${y(samples[i])}`);
      line += `M${points.join("L")}${first === last ? "h0.1" : ""}`;
      area += `M${x(first)},${HEIGHT}L${points.join("L")}L${x(last)},${HEIGHT}Z`;
    }
    if (this.line.getAttribute("d") !== line) {
      this.area.setAttribute("d", area);
      this.line.setAttribute("d", line);
    }
    this.goal.setAttribute("d", goal === null ? "" : `M0,${y(goal)}H${WIDTH}`);
  }
}

// [first, last] index of each stretch without a gap
function runs(samples) {
  const found = [];
  samples.forEach((value, index) => {
    if (value === null) return;
    const current = found.at(-1);
    if (current && current[1] === index - 1) current[1] = index;
    else found.push([index, index]);
  });
  return found;
}

/** Bars side by side, one per minute; with `draw(rows)`. Parts are stacked, or the second stands below the line. */
export class Stack {
  constructor(names, { mirrored = false } = {}) {
    this.mirrored = mirrored;
    this.base = mirrored ? 50 : 100;
    this.root = svg("svg", { class: "stack", viewBox: "0 0 600 100", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.paths = names.map((name) => svg("path", { class: `stack-${name}` }));
    this.root.append(...this.paths, svg("path", { class: "line-base", d: `M0,${this.base}H600` }));
  }

  /** `rows`: for each minute the parts, from the line outwards. Returns the largest bar. */
  draw(rows, places = 60) {
    const most = Math.max(1, ...rows.map((row) => (this.mirrored ? Math.max(...row) : row.reduce((a, b) => a + b, 0))));
    const width = 600 / places;
    const drawn = this.paths.map(() => "");
    rows.forEach((row, index) => {
      const x = (places - rows.length + index) * width + width * 0.12;
      let y = this.base;
      row.forEach((value, part) => {
        if (this.mirrored) y = this.base;
        const height = (value / most) * (this.base - 2) * (this.mirrored && part ? -1 : 1);
        if (value > 0) drawn[part] += `M${x.toFixed(1)},${y.toFixed(2)}${bar(width * 0.76, height)}`;
        y -= height;
      });
    });
    this.paths.forEach((path, part) => {
      if (path.getAttribute("d") !== drawn[part]) path.setAttribute("d", drawn[part]);
    });
    return most;
  }
}

function bar(width, height) {
  return `h${width.toFixed(1)}v${(-height).toFixed(2)}h${(-width).toFixed(1)}Z`;
}

/** A distribution as a table of bars, with `draw([[label, count, "true" | "false" | "none"]])`: within the target or not. */
export class Distribution {
  constructor() {
    this.root = element("table", "distribution");
    this.body = element("tbody");
    this.root.append(this.body);
  }

  draw(rows, format) {
    while (this.body.rows.length > rows.length) this.body.lastChild.remove();
    const total = rows.reduce((sum, [, count]) => sum + count, 0);
    const most = Math.max(1, ...rows.map(([, count]) => count));
    rows.forEach(([label, count, met], index) => {
      const row = this.body.rows[index] ?? this.body.appendChild(distributionRow());
      row.dataset.met = met;
      setText(row.cells[0], label);
      setText(row.cells[2], String(count));
      setText(row.cells[3], total ? format.wholePercent.format(count / total) : "");
      row.querySelector(".bar-fill").style.width = `${((100 * count) / most).toFixed(1)}%`;
    });
  }
}

function distributionRow() {
  const row = element("tr");
  const head = element("th");
  head.scope = "row";
  const bar = element("td", "bar-cell");
  bar.append(element("div", "bar-fill"));
  row.append(head, bar, element("td", "count"), element("td", "share"));
  return row;
}
