// The last half hour of a number as a line. It says nothing that the number beside it does not say: hidden from
// screen readers.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 40;
const SHORTEST = 24; // samples: a new board's line grows from the left, three samples do not fill the whole width

export function createSparkline() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const name of ["spark-base", "spark-area", "spark-line"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  svg.firstChild.setAttribute("d", `M0,${HEIGHT}H${WIDTH}`);
  return svg;
}

/** Draw `samples` (numbers, null for a gap), oldest first. */
export function drawSparkline(svg, samples) {
  const places = Math.max(samples.length, SHORTEST);
  const top = Math.max(4, ...samples.filter((value) => value !== null));
  const x = (index) => (index / (places - 1)) * WIDTH;
  const y = (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 3);
  let line = "";
  let area = "";
  for (const [first, last] of runs(samples)) {
    const points = [];
    for (let i = first; i <= last; i += 1) points.push(`${x(i).toFixed(1)},${y(samples[i]).toFixed(1)}`);
    line += `M${points.join("L")}`;
    area += `M${x(first).toFixed(1)},${HEIGHT}L${points.join("L")}L${x(last).toFixed(1)},${HEIGHT}Z`;
  }
  const [, areaPath, linePath] = svg.children;
  if (linePath.getAttribute("d") === line) return;
  areaPath.setAttribute("d", area);
  linePath.setAttribute("d", line);
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
