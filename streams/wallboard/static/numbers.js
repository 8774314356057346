// One number as it stands on a tile or a page: its label, what it is, and the button that explains it.

import { element, setAttribute, setData, setText } from "/static/dom.js";
import { valueOf } from "/static/model.js";
import { labelOf } from "/static/words.js";

export class NumberCell {
  /** `place`: {channel, queue}, of which the number is; `extra`: nodes that stand below it. */
  constructor(kpi, place, context, extra = []) {
    this.kpi = kpi;
    this.context = context;
    this.root = element("div", `kpi kpi-${kpi.id}`);
    this.label = element("dt");
    this.label.append(element("span", "label", labelOf(context.words, kpi)));
    const value = element("dd", "value");
    this.button = element("button", "number");
    this.button.type = "button";
    this.button.tabIndex = -1;
    this.button.dataset.channel = place.channel;
    this.button.dataset.queue = place.queue;
    this.button.dataset.kpi = kpi.id;
    [this.large, this.small] = [element("span", "large"), element("span", "small")];
    this.button.append(this.large, this.small);
    this.note = element("span", "beside");
    value.append(this.button, this.note);
    this.root.append(this.label, value, ...extra);
  }

  /** Draw from a look of `Board.look`. `beside`: a few characters after the number. */
  draw(look, window, beside = "") {
    const { format, words } = this.context;
    const value = valueOf(look.values, this.kpi, window);
    const judgement = look.judgements[this.kpi.id];
    const [large, small] = format.parts(value, this.kpi.unit);
    setText(this.large, large);
    setText(this.small, small);
    setText(this.note, beside);
    this.#size(large, small);
    setData(this.root, "judgement", value === null ? "nothing" : judgement);
    const said = judgement === "warn" || judgement === "bad" ? `, ${words.status[judgement]}` : "";
    setAttribute(this.button, "aria-label", `${labelOf(words, this.kpi)}: ${format.spoken(value, this.kpi.unit)}${said}`);
    return value;
  }

  // so wide is the text, in its own font size: what is long is written smaller, so that it never leaves its place
  #size(large, small) {
    const wide = (widthOf(large) + SMALL * widthOf(small)).toFixed(2);
    if (this.button.style.getPropertyValue("--wide") !== wide) this.button.style.setProperty("--wide", wide);
  }
}

const SMALL = 0.5; // size of what stands small, as in board.css
const WIDTHS = { ":": 0.3, ".": 0.3, ",": 0.3, " ": 0.3, "\u00a0": 0.3, "\u202f": 0.2, "%": 0.92, "–": 0.6 };

function widthOf(text) {
  return [...text].reduce((sum, letter) => sum + (WIDTHS[letter] ?? 0.58), 0);
}

/** A bar from 0 to 1 with the goal marked. */
export class Meter {
  constructor(goal) {
    this.root = element("div", "meter");
    this.root.setAttribute("aria-hidden", "true");
    this.fill = element("div", "meter-fill");
    const mark = element("div", "meter-goal");
    mark.style.left = `${100 * goal}%`;
    this.root.append(this.fill, mark);
  }

  draw(value) {
    const width = `${(100 * (value ?? 0)).toFixed(1)}%`;
    if (this.fill.style.width !== width) this.fill.style.width = width;
  }
}

/** What a service level is measured by: "80% within 20 s". */
export function targetText(of, format, words) {
  return words.target(of.target_compare, words.seconds(of.target_s), format.limit(of.thresholds.service_level[0], "ratio"));
}
