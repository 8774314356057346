// Draws the board: builds each tile once, then changes only the text that is different.

import { age, formatValue, spoken } from "/static/format.js";
import { isLive, judge, tileKey, valueOf, WHOLE_CHANNEL, worst } from "/static/model.js";
import { createSparkline, drawSparkline } from "/static/sparkline.js";

const SVG = "http://www.w3.org/2000/svg";
const WORDS = { good: "On target", warn: "Watch", bad: "Breach", none: "Quiet" };
const STATUS_ICON = { lost: "lost", none: "none", late: "late", live: "live" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#icon-${name}`);
  return svg;
}

/** A sign with a word: never colour alone. */
export function setIcon(node, status, text) {
  if (node.dataset.status !== status) {
    node.dataset.status = status;
    node.replaceChildren(icon(STATUS_ICON[status] ?? status), element("span"));
  }
  setText(node.lastChild, text);
}

function channelName(channel) {
  return channel.charAt(0).toUpperCase() + channel.slice(1);
}

export class BoardView {
  #sections = new Map();

  constructor(root, presentation) {
    this.root = root;
    this.presentation = presentation;
    this.window = presentation.window;
  }

  draw(board, now) {
    const channels = board.channels();
    const shown = new Set(channels.map(([channel]) => channel));
    for (const [channel, section] of this.#sections) {
      if (!shown.has(channel)) {
        section.root.remove();
        this.#sections.delete(channel);
      }
    }
    for (const [channel, tiles] of channels) {
      if (!this.#sections.has(channel)) this.#sections.set(channel, new ChannelSection(channel, this.presentation));
      const section = this.#sections.get(channel);
      section.draw(tiles, this.window, now);
    }
    place(this.root, channels.map(([channel]) => this.#sections.get(channel).root), "section");
  }
}

/** Bring `nodes` into this order within `parent`, moving only what is not in its place. */
function place(parent, nodes, selector) {
  const present = [...parent.querySelectorAll(`:scope > ${selector}`)];
  if (present.length === nodes.length && present.every((node, index) => node === nodes[index])) return;
  parent.append(...nodes);
}

class ChannelSection {
  #tiles = new Map();

  constructor(channel, presentation) {
    this.channel = channel;
    this.presentation = presentation;
    this.root = element("section", "channel");
    const heading = element("h2", "", channelName(channel));
    heading.id = `channel-${channel}`;
    this.root.setAttribute("aria-labelledby", heading.id);
    this.whole = element("div", "whole");
    this.grid = element("div", "tiles");
    this.root.append(heading, this.whole, this.grid);
  }

  draw(tiles, window, now) {
    const keys = new Set(tiles.map(tileKey));
    for (const [key, view] of this.#tiles) {
      if (!keys.has(key)) {
        view.root.remove();
        this.#tiles.delete(key);
      }
    }
    for (const tile of tiles) {
      const key = tileKey(tile);
      if (!this.#tiles.has(key)) this.#tiles.set(key, new TileView(tile, this.presentation));
      this.#tiles.get(key).draw(tile, window, now);
    }
    const rootsOf = (wanted) => tiles.filter(wanted).map((tile) => this.#tiles.get(tileKey(tile)).root);
    place(this.whole, rootsOf((tile) => tile.queue === WHOLE_CHANNEL), "article");
    place(this.grid, rootsOf((tile) => tile.queue !== WHOLE_CHANNEL), "article");
  }
}

class TileView {
  #values = new Map(); // KPI id → its nodes

  constructor(tile, presentation) {
    this.presentation = presentation;
    this.targets = presentation.queues[tile.queue] ?? presentation.defaults;
    const whole = tile.queue === WHOLE_CHANNEL;
    this.root = element("article", whole ? "tile tile-whole" : "tile");
    const head = element("header");
    this.name = element("h3", "", whole ? channelName(tile.channel) : tile.queue);
    this.name.title = this.name.textContent;
    if (whole) this.name.append(element("span", "all", "all queues"));
    this.root.setAttribute("aria-label", whole ? `${channelName(tile.channel)}, all queues` : tile.queue);
    this.chip = element("p", "chip");
    head.append(this.name, this.chip);
    this.head = element("dl", "head");
    this.more = element("dl", "more");
    for (const id of presentation.head) this.head.append(this.#build(presentation.kpis[id]));
    for (const id of presentation.more) this.more.append(this.#build(presentation.kpis[id]));
    this.spark = createSparkline();
    const line = element("dd");
    line.setAttribute("aria-hidden", "true");
    line.append(this.spark);
    this.#values.get("waiting")?.cell.append(line);
    this.root.append(head, this.head, this.more);
  }

  #build(kpi) {
    const cell = element("div", `kpi kpi-${kpi.id}`);
    const term = element("dt", "", kpi.label);
    term.title = kpi.help;
    const value = element("dd", "value");
    const number = element("span", "number");
    number.setAttribute("aria-hidden", "true");
    const words = element("span", "unseen");
    value.append(number, words);
    cell.append(term, value);
    if (kpi.id === "service_level") {
      this.windowName = element("span", "window");
      term.append(this.windowName);
      cell.append(this.#serviceLevelNotes(kpi));
    }
    this.#values.set(kpi.id, { kpi, cell, number, words });
    return cell;
  }

  #serviceLevelNotes(kpi) {
    this.meter = element("div", "meter");
    this.meter.setAttribute("aria-hidden", "true");
    this.meterFill = element("div", "meter-fill");
    const goal = element("div", "meter-goal");
    goal.style.left = `${100 * kpi.warn}%`;
    this.meter.append(this.meterFill, goal);
    const { target_compare: compare, target_s: target, service_level: variant, service_level_help: help } = this.targets;
    const note = element("p", "note", `${compare} ${target} s, ${variant}`);
    note.title = help;
    const notes = element("dd");
    notes.append(this.meter, note);
    return notes;
  }

  draw(tile, window, now) {
    const live = isLive(tile, now);
    const judgements = [];
    for (const [id, { kpi, cell, number, words }] of this.#values) {
      const value = valueOf(tile, kpi, window, now);
      const judgement = judge(value, kpi);
      judgements.push(judgement);
      const text = formatValue(value, kpi.unit);
      setText(number, text);
      number.classList.toggle("long", text.length > 5);
      const said = judgement === "warn" || judgement === "bad" ? `, ${WORDS[judgement].toLowerCase()}` : "";
      setText(words, spoken(value, kpi.unit) + said);
      if (cell.dataset.judgement !== judgement) cell.dataset.judgement = judgement;
      cell.classList.toggle("nothing", value === null);
      if (id === "service_level") this.#drawServiceLevel(value, window);
    }
    this.#drawChip(live, worst(judgements), now - tile.as_of_ms);
    drawSparkline(this.spark, tile.history?.waiting ?? []);
  }

  #drawServiceLevel(value, window) {
    const width = `${(100 * (value ?? 0)).toFixed(1)}%`;
    if (this.meterFill.style.width !== width) this.meterFill.style.width = width;
    setText(this.windowName, window.replaceAll("_", " "));
  }

  #drawChip(live, judgement, ageMs) {
    const state = live ? judgement : "late";
    if (this.root.dataset.state !== state) this.root.dataset.state = state;
    setIcon(this.chip, state, live ? WORDS[judgement] : `Catching up · ${age(ageMs)} old`);
  }
}
