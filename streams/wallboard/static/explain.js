// What a number is: shown when the pointer rests on it, when it has the focus, or when it is touched.
//
// The parts come from the server, as they stand in Redis; what the number means stands here at once.

import { element, setText } from "/static/dom.js";
import { isFew } from "/static/judge.js";
import { valueOf } from "/static/model.js";
import { targetText } from "/static/numbers.js";
import { channelName, helpOf, labelOf, queueName, windowName } from "/static/words.js";

const REST_MS = 250;
const AGAIN_MS = 2_000;

export class Explainer {
  #button = null;
  #parts = null; // what the server said last of this button
  #rest = null;
  #again = null;

  constructor(root, context) {
    this.root = root;
    this.context = context;
    const on = (name, handler) => document.addEventListener(name, handler);
    on("pointerover", (event) => event.pointerType !== "touch" && this.#point(event.target));
    on("focusin", (event) => this.#focus(event.target));
    on("focusout", (event) => event.target === this.#button && !root.matches(":hover") && this.close());
    on("click", (event) => this.#click(event.target));
    on("keydown", (event) => event.key === "Escape" && this.open && (this.close(), event.stopImmediatePropagation()));
    addEventListener("scroll", () => this.open && this.#put(), { passive: true });
  }

  get open() {
    return this.#button !== null;
  }

  #point(target) {
    clearTimeout(this.#rest);
    const button = numberOf(target);
    if (button === this.#button || this.root.contains(target)) return;
    // it stays while the pointer is on it, and a moment longer, so that one can get there
    this.#rest = setTimeout(() => {
      if (button) this.show(button);
      else if (document.activeElement !== this.#button) this.close();
    }, REST_MS);
  }

  #focus(target) {
    const button = numberOf(target);
    if (button && button !== this.#button && button.matches(":focus-visible")) this.show(button);
  }

  #click(target) {
    const button = numberOf(target);
    if (button) this.show(button);
    else if (!this.root.contains(target)) this.close();
  }

  show(button) {
    clearTimeout(this.#rest);
    this.close();
    this.#button = button;
    button.setAttribute("aria-describedby", this.root.id);
    this.root.hidden = false;
    this.draw();
    this.#load();
    this.#again = setInterval(() => this.#load(), AGAIN_MS);
  }

  close() {
    clearInterval(this.#again);
    clearTimeout(this.#rest);
    this.#button?.removeAttribute("aria-describedby");
    this.#button = null;
    this.#parts = null;
    this.root.hidden = true;
  }

  async #load() {
    const button = this.#button;
    const { channel, queue, kpi } = button.dataset;
    const query = new URLSearchParams({ channel: this.#channelOf(channel, kpi), queue, kpi, window: this.context.settings.window });
    let parts = null;
    try {
      const answer = await fetch(`/api/v1/explain?${query}`);
      parts = answer.ok ? await answer.json() : null;
    } catch {
      // the server is away: what is here is said without parts, and it is asked again
    }
    if (button !== this.#button) return;
    this.#parts = parts;
    this.draw();
  }

  #channelOf(channel, kpi) {
    return kpi.startsWith("agents_") ? "agents" : channel;
  }

  /** Draw what is known; called with each new value too. */
  draw() {
    if (!this.#button?.isConnected) return this.open ? this.close() : undefined;
    const { board, words, format, presentation, settings } = this.context;
    const { channel, queue, kpi: id } = this.#button.dataset;
    const [kpi, tile] = [presentation.kpis[id], board.get(channel, queue)];
    if (!tile) return this.close();
    const look = board.look(tile, settings.window, this.context.now());
    const value = valueOf(look.values, kpi, settings.window);
    const rows = this.#rows(kpi, look, tile);
    const head = element("p", "explain-head");
    head.append(element("strong", "", labelOf(words, kpi)), element("span", "", `${channelName(words, channel)} · ${queueName(words, queue)}`));
    const shown = element("p", "explain-value", format.text(value, kpi.unit));
    const list = element("dl");
    for (const [term, ...said] of rows) {
      list.append(element("dt", "", term));
      for (const text of said) list.append(element("dd", "", text));
    }
    const content = [head, shown, element("p", "explain-help", helpOf(words, kpi)), list];
    const fresh = content.map((node) => node.textContent).join("\n");
    if (this.root.dataset.content !== fresh) {
      this.root.dataset.content = fresh;
      this.root.replaceChildren(...content);
    }
    this.#put();
    return undefined;
  }

  #rows(kpi, look, tile) {
    const { board, words, format, settings } = this.context;
    const said = words.explain;
    const rows = [[said.window, kpi.live ? words.now : windowName(words, settings.window)]];
    const parts = this.#parts;
    if (parts && parts.formula !== parts.kpi.help) rows.push([said.formula, parts.formula]);
    if (["service_level", "answered", "asa", "longest_wait"].includes(kpi.id)) {
      rows.push([said.target, targetText(board.of(tile.queue), format, words)]);
    }
    rows.push([said.threshold, this.#threshold(kpi, look, board.of(tile.queue).thresholds[kpi.id])]);
    if (parts?.numerator) rows.push([said.numerator, ...this.#side(parts.numerator)]);
    if (parts?.denominator) rows.push([said.denominator, ...this.#side(parts.denominator)]);
    if (parts && parts.as_of_ms === null) rows.push(["", said.gone]);
    else if (parts) rows.push(["", said.as_of(format.timeWithSeconds(parts.as_of_ms))]);
    return rows;
  }

  #threshold(kpi, look, own) {
    const { words, format, settings } = this.context;
    const said = words.explain;
    const [warn, bad] = own ?? [kpi.warn, kpi.bad];
    if (warn === null && bad === null) return said.no_threshold;
    const [watch, breach] = kpi.good === "up" ? [said.watch_below, said.breach_below] : [said.watch_from, said.breach_from];
    const text = [warn !== null && watch(format.limit(warn, kpi.unit)), bad !== null && breach(format.limit(bad, kpi.unit))];
    const few = ["service_level", "abandon_rate"].includes(kpi.id) && isFew(look.values, settings.window);
    return text.filter(Boolean).join(", ") + (few ? `. ${said.few}` : "");
  }

  // "17 = 20 answered − 3 short abandons"
  #side({ value, unit, parts }) {
    const { words, format } = this.context;
    const named = (part) => words.kpis[part.kpi]?.[0] ?? part.label;
    const term = (part, index) => {
      const sign = part.factor < 0 ? "− " : index ? "+ " : "";
      const times = Math.abs(part.factor) === 1 ? "" : `${Math.abs(part.factor)} × `;
      return `${sign}${times}${format.text(part.value, unit)} ${named(part)}`;
    };
    const whole = format.text(value, unit);
    if (parts.length === 0) return [whole];
    if (parts.length === 1 && parts[0].factor === 1) return [term(parts[0], 0)];
    return [`${whole} =`, ...parts.map(term)];
  }

  // beside the number, where there is room
  #put() {
    const box = this.#button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const margin = 8;
    const below = box.bottom + margin + height <= innerHeight;
    const top = below ? box.bottom + margin : Math.max(margin, box.top - margin - height);
    const left = Math.min(Math.max(margin, box.left), innerWidth - width - margin);
    this.root.style.top = `${Math.round(top)}px`;
    this.root.style.left = `${Math.round(Math.max(margin, left))}px`;
  }
}

function numberOf(target) {
  return target instanceof Element ? target.closest("button.number") : null;
}
