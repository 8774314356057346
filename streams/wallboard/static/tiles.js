// The tiles: one per queue, and the cards of the whole channels above them.

import { Line } from "/static/charts.js";
import { element, icon, place, setAttribute, setData, setSign, setText } from "/static/dom.js";
import { keyOf, WHOLE } from "/static/model.js";
import { Meter, NumberCell, targetText } from "/static/numbers.js";
import { channelName, queueName } from "/static/words.js";

const SIGNS = { good: "good", warn: "warn", bad: "bad", none: "none", closed: "closed", catching: "late", stale: "late" };

/** Keeps one view per tile shown. */
export class Tiles {
  #views = new Map();

  constructor(root, context) {
    this.root = root;
    this.context = context;
  }

  /** Draw these looks in this order; tiles that are not among them go. */
  draw(looks, window) {
    const keys = new Set(looks.map(({ tile }) => keyOf(tile)));
    for (const key of this.#views.keys()) if (!keys.has(key)) this.#views.delete(key);
    const roots = looks.map((look) => {
      const key = keyOf(look.tile);
      if (!this.#views.has(key)) this.#views.set(key, new TileView(look.tile, this.context));
      const view = this.#views.get(key);
      view.draw(look, window);
      return view.root;
    });
    place(this.root, roots);
  }
}

/** The sign and the words for what a tile's numbers come to, or for why they are not of now. */
export function statusText(look, { words, format }) {
  const { status, standing, age, tile } = look;
  if (status === "catching") return words.catching(format.age(age));
  if (status === "stale") return words.old(format.age(age));
  if (status === "closed") return tile.opens_ms ? words.opens(format.time(tile.opens_ms)) : words.status.closed;
  const said = look.unstaffed ? words.nobody_staffed : words.status[status];
  return standing === "late" ? `${said} · ${format.age(age)}` : said;
}

export function drawStatus(node, look, context) {
  setSign(node, SIGNS[look.status], statusText(look, context));
}

class TileView {
  constructor(tile, context) {
    const { board, presentation, words, format, address } = context;
    this.context = context;
    this.sort = board.sortOf(tile);
    this.whole = tile.queue === WHOLE;
    const channel = channelName(words, tile.channel);
    const name = this.whole ? channel : tile.queue;
    this.root = element("article", this.whole ? "tile whole" : "tile");
    this.root.setAttribute("aria-label", this.whole ? `${channel}, ${queueName(words, WHOLE)}` : `${tile.queue}, ${channel}`);
    const head = element("header");
    const title = element("h2", "name");
    this.link = element("a");
    this.link.append(icon(iconOf(this.sort, tile.channel)), element("span", "text", name));
    this.link.title = name;
    setAttribute(this.link, "href", address({ queue: `${tile.channel}/${tile.queue}` }));
    title.append(this.link);
    this.chip = element("p", "chip");
    head.append(title, this.chip);
    this.line = new Line();
    this.meter = this.sort === "contacts" ? new Meter(board.of(tile.queue).thresholds.service_level[0] ?? 0) : null;
    this.cells = new Map();
    const cell = (id, extra = []) => {
      const made = new NumberCell(presentation.kpis[id], tile, context, extra);
      this.cells.set(id, made);
      return made.root;
    };
    const [first, ...rest] = presentation.head[this.sort];
    const large = element("dl", "head");
    large.append(cell(first, [below(this.line.root)]));
    for (const id of rest) large.append(cell(id, id === "service_level" ? this.#goal(tile, format, words) : []));
    const small = element("dl", "more");
    for (const id of this.#more(presentation)) small.append(cell(id));
    this.root.append(head, large, small);
    this.samples = this.sort === "agents" ? "agents_available" : first;
  }

  // a channel's card names no agents: one agent may serve several channels
  #more(presentation) {
    const ids = presentation.more[this.sort];
    return this.whole && this.sort === "contacts" ? ids.filter((id) => id !== "agents_available") : ids;
  }

  #goal(tile, format, words) {
    const note = element("dd", "note", targetText(this.context.board.of(tile.queue), format, words));
    return [below(this.meter.root), note];
  }

  draw(look, window) {
    const { words } = this.context;
    for (const [id, cell] of this.cells) {
      const staffed = id === "agents_available" && this.sort === "contacts" ? look.values.agents_staffed : undefined;
      const value = cell.draw(look, window, staffed === undefined ? "" : ` ${words.agents_of(staffed)}`);
      if (id === "service_level") this.meter.draw(value);
    }
    setData(this.root, "status", look.status);
    setData(this.root, "standing", look.standing);
    drawStatus(this.chip, look, this.context);
    this.chip.hidden = this.sort === "agents" && look.status === "none";
    this.line.draw(look.tile.history?.series?.[this.samples] ?? []);
  }
}

function below(node) {
  const cell = element("dd", "below");
  cell.setAttribute("aria-hidden", "true");
  cell.append(node);
  return cell;
}

export function iconOf(sort, channel) {
  if (sort === "agents") return "agents";
  if (sort === "tickets") return channel === "email" ? "email" : "ticket";
  return channel === "chat" ? "chat" : "voice";
}

/** Rows of the table view: one queue each, every number that a tile has. */
export class Table {
  #rows = new Map();

  constructor(root, context) {
    this.root = root;
    this.context = context;
    this.sections = new Map();
  }

  draw(looks, window) {
    const sorts = ["contacts", "tickets"].filter((sort) => looks.some(({ tile }) => this.context.board.sortOf(tile) === sort));
    for (const sort of sorts) if (!this.sections.has(sort)) this.sections.set(sort, this.#section(sort));
    place(this.root, sorts.map((sort) => this.sections.get(sort).root));
    const keys = new Set(looks.map(({ tile }) => keyOf(tile)));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    for (const sort of sorts) {
      const mine = looks.filter(({ tile }) => this.context.board.sortOf(tile) === sort);
      place(this.sections.get(sort).body, mine.map((look) => this.#row(look, sort, window)));
    }
  }

  #section(sort) {
    const { presentation, words } = this.context;
    const root = element("table", "list");
    const row = element("tr");
    const ids = [...presentation.head[sort], ...presentation.more[sort]];
    for (const text of [words.columns.queue, words.columns.status, ...ids.map((id) => words.kpis[id]?.[0] ?? presentation.kpis[id].label)]) {
      const head = element("th", "", text);
      head.scope = "col";
      row.append(head);
    }
    const head = element("thead");
    head.append(row);
    const body = element("tbody");
    root.append(head, body);
    return { root, body };
  }

  #row(look, sort, window) {
    const key = keyOf(look.tile);
    if (!this.#rows.has(key)) this.#rows.set(key, new RowView(look.tile, sort, this.context));
    const view = this.#rows.get(key);
    view.draw(look, window);
    return view.root;
  }
}

class RowView {
  constructor(tile, sort, context) {
    const { presentation, address } = context;
    this.context = context;
    this.root = element("tr");
    const head = element("th", "name");
    head.scope = "row";
    const link = element("a");
    link.append(icon(iconOf(sort, tile.channel)), element("span", "text", tile.queue));
    setAttribute(link, "href", address({ queue: `${tile.channel}/${tile.queue}` }));
    head.append(link);
    this.chip = element("p", "chip");
    const status = element("td");
    status.append(this.chip);
    this.root.append(head, status);
    this.cells = [...presentation.head[sort], ...presentation.more[sort]].map((id) => {
      const cell = new NumberCell(presentation.kpis[id], tile, context);
      const data = element("td", `kpi-${id}`);
      data.append(cell.button);
      this.root.append(data);
      return [cell, data];
    });
  }

  draw(look, window) {
    for (const [cell, data] of this.cells) {
      cell.draw(look, window);
      setData(data, "judgement", cell.root.dataset.judgement);
    }
    setData(this.root, "status", look.status);
    setData(this.root, "standing", look.standing);
    drawStatus(this.chip, look, this.context);
  }
}
