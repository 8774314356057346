// One queue: the same numbers as on its tile, the last hour, and who is behind them.

import { Distribution, Line, Stack } from "/static/charts.js";
import { element, icon, setAttribute, setData, setText } from "/static/dom.js";
import { duration } from "/static/format.js";
import { Meter, NumberCell, targetText } from "/static/numbers.js";
import { drawStatus, iconOf } from "/static/tiles.js";
import { channelName, labelOf, queueName, windowName } from "/static/words.js";

const AGAIN_MS = 2_000;
const ROWS = 12;

const STATS = {
  contacts: ["waiting", "longest_wait", "service_level", "abandon_rate", "answered", "agents_available"],
  tickets: ["backlog", "sla_breached_open", "sla_due_soon", "first_response_p90", "sla_compliance", "solved"],
  agents: ["agents_available", "agents_on_contact", "agents_staffed", "agents_wrapup", "agents_break", "occupancy"],
};
const FLOW = { contacts: ["answered", "abandoned", "flowed_out"], tickets: ["created", "solved"] };

export class QueuePage {
  #detail = null;
  #again = null;

  constructor(root, context, [channel, queue]) {
    this.root = root;
    this.context = context;
    this.channel = channel;
    this.queue = queue;
    this.sort = context.board.sortOf({ channel });
    this.#build();
    this.#load();
    this.#again = setInterval(() => this.#load(), AGAIN_MS);
  }

  end() {
    clearInterval(this.#again);
  }

  async #load() {
    if (document.hidden) return;
    try {
      const answer = await fetch(`/api/v1/queue?${new URLSearchParams({ channel: this.channel, queue: this.queue })}`);
      if (answer.ok) this.#detail = await answer.json();
    } catch {
      return; // the server is away, which the page says already
    }
    this.#drawDetail();
  }

  #build() {
    const { words, address } = this.context;
    const head = element("header", "page-head");
    this.back = element("a", "back");
    this.back.append(icon("back"), element("span", "", words.back));
    setAttribute(this.back, "href", address({ queue: "" }));
    const title = element("h2", "page-name");
    const name = this.queue === "*" ? queueName(words, this.queue) : this.queue;
    title.append(icon(iconOf(this.sort, this.channel)), element("span", "text", name), element("small", "", channelName(words, this.channel)));
    this.chip = element("p", "chip");
    this.about = element("p", "page-about");
    head.append(this.back, title, this.chip, this.about);
    this.stats = element("dl", "stats");
    this.cells = STATS[this.sort].map((id) => this.#stat(id));
    this.panels = element("div", "panels");
    if (this.sort !== "agents") this.#buildPanels();
    this.root.replaceChildren(head, this.stats, this.panels);
  }

  #stat(id) {
    const { presentation, board } = this.context;
    const line = new Line();
    const below = element("dd", "below");
    below.setAttribute("aria-hidden", "true");
    const meter = id === "service_level" ? new Meter(board.of(this.queue).thresholds.service_level[0] ?? 0) : null;
    below.append(line.root);
    if (meter) below.append(meter.root);
    const cell = new NumberCell(presentation.kpis[id], { channel: this.channel, queue: this.queue }, this.context, [below]);
    cell.root.classList.add("stat");
    this.stats.append(cell.root);
    return { id, cell, line, meter };
  }

  #buildPanels() {
    const { words } = this.context;
    const said = words.page;
    this.flow = new Stack(FLOW[this.sort], { mirrored: this.sort === "tickets" });
    this.waits = new Distribution();
    this.most = element("p", "axis-top");
    const axis = element("p", "axis");
    for (const text of [said.ago_60, said.ago_30, words.now]) axis.append(element("span", "", text));
    this.#panel("flow", said.flow, this.#legend(), this.most, this.flow.root, axis);
    this.#panel("waits", this.sort === "contacts" ? said.waits : said.responses, this.waits.root);
    this.intervals = this.#table("intervals", said.intervals);
    this.waiting = this.#table("waiting", this.sort === "contacts" ? said.waiting : said.unanswered);
    this.recent = this.#table("recent", this.sort === "contacts" ? said.recent : said.overdue);
    if (this.sort === "tickets") this.due = this.#table("due", said.due);
  }

  #legend() {
    const { words, presentation } = this.context;
    const legend = element("p", "legend");
    for (const id of FLOW[this.sort]) {
      const item = element("span", `legend-item stack-${id}`);
      item.append(icon("swatch"), element("span", "", words.kpis[id]?.[0] ?? labelOf(words, presentation.kpis[id])));
      legend.append(item);
    }
    return legend;
  }

  #panel(name, title, ...content) {
    const panel = element("section", `panel panel-${name}`);
    const heading = element("h3", "", title);
    heading.id = `panel-${name}`;
    panel.setAttribute("aria-labelledby", heading.id);
    panel.append(heading, ...content);
    this.panels.append(panel);
    return panel;
  }

  #table(name, title) {
    const scroll = element("div", "scroll");
    const table = element("table", "list");
    const none = element("p", "none");
    scroll.append(table);
    this.#panel(name, title, scroll, none);
    return { table, none };
  }

  /** Draw the numbers that come with every message. */
  draw() {
    const { board, settings, words, format, now } = this.context;
    const tile = board.get(this.channel, this.queue);
    this.root.classList.toggle("unknown", !tile);
    if (!tile) {
      setText(this.about, words.page.unknown);
      return;
    }
    const look = board.look(tile, settings.window, now());
    setData(this.root, "status", look.status);
    setData(this.root, "standing", look.standing);
    drawStatus(this.chip, look, this.context);
    const window = windowName(words, settings.window);
    setText(this.about, this.sort === "contacts" ? `${targetText(board.of(this.queue), format, words)} · ${window}` : window);
    for (const { id, cell, meter } of this.cells) {
      const staffed = id === "agents_available" && this.sort === "contacts" ? look.values.agents_staffed : undefined;
      const value = cell.draw(look, settings.window, staffed === undefined ? "" : ` ${words.agents_of(staffed)}`);
      meter?.draw(value);
    }
    this.#drawLines(tile);
    this.#drawAges();
  }

  #drawLines(tile) {
    const { board, presentation, settings } = this.context;
    const series = { ...this.#detail?.history.series, ...tile.history?.series };
    const agents = board.get("agents", this.queue)?.history?.series ?? {};
    for (const { id, line } of this.cells) {
      const goal = id === "service_level" ? board.of(this.queue).thresholds.service_level[0] : null;
      const samples = series[id] ?? agents[id] ?? (id === "service_level" ? series[`service_level:${presentation.window}`] : null);
      if (id === "service_level" && settings.window !== presentation.window) line.draw([]);
      else if (samples) line.draw(samples, { most: id === "service_level" ? 1 : 4, goal });
      else this.#drawMinutes(id, line);
    }
  }

  // what is counted is drawn by the minute
  #drawMinutes(id, line) {
    const counted = this.#detail?.minutes.map(({ counts }) => counts[id] ?? null) ?? [];
    line.draw(counted, { places: 60, most: 2 });
  }

  #drawDetail() {
    if (!this.#detail || this.sort === "agents") return;
    const { format, words, board } = this.context;
    const { minutes, waits, intervals } = this.#detail;
    const most = this.flow.draw(minutes.map(({ counts }) => FLOW[this.sort].map((id) => counts[id] ?? 0)));
    setText(this.most, format.text(most, "count"));
    const target = board.of(this.queue).target_s;
    this.waits.draw(
      waits.map(({ up_to_s: upTo, count }, index) => {
        const label = upTo === null ? words.page.over(short(waits[index - 1].up_to_s)) : words.page.up_to(short(upTo));
        return [label, count, this.sort === "tickets" ? "none" : String(upTo !== null && upTo <= target)];
      }),
      format,
    );
    this.#drawIntervals(intervals);
    this.#drawPeople();
  }

  #drawIntervals(intervals) {
    const { format, presentation, words } = this.context;
    const ids = Object.keys(intervals[0]?.values ?? {}).filter((id) => id !== "flowed_out" && id !== "reopened");
    const labels = ids.map((id) => words.kpis[id]?.[0] ?? presentation.kpis[id]?.label ?? id);
    const unitOf = (id) => presentation.kpis[id]?.unit ?? (id.endsWith("_avg") ? "s" : "count");
    // the day begins with its first contact
    const begin = intervals.findIndex(({ values }) => Object.values(values).some((value) => value));
    const rows = intervals.slice(Math.max(begin, 0)).slice(-ROWS).reverse();
    fill(this.intervals, [words.page.interval, ...labels], rows.map(({ at, values }) => [
      format.time(at),
      ...ids.map((id) => format.text(values[id], unitOf(id))),
    ]), words.page.nothing);
  }

  #drawPeople() {
    const { format, words } = this.context;
    const { recent, overdue, due } = this.#detail;
    const said = words.page;
    if (this.sort === "contacts") {
      fill(this.recent, [said.contact, said.left, said.waited], recent.slice(0, ROWS).map((visit) => [
        visit.contact, format.timeWithSeconds(visit.left_at), duration(visit.wait_ms / 1000),
      ]), said.nobody);
    } else {
      const target = (each) => words.targets[each.target] ?? each.target;
      this.dues = [[this.recent, overdue, said.ago, -1], [this.due, due, said.in, 1]];
      for (const [table, of, label] of this.dues) {
        fill(table, [said.contact, said.target, label], of.slice(0, ROWS).map((each) => [each.contact, target(each), ""]), said.nothing);
      }
    }
    fill(this.waiting, [said.contact, said.since], this.#detail.waiting.slice(0, ROWS).map(({ contact }) => [contact, ""]), said.nobody);
    this.#drawAges();
  }

  // what rises or falls by itself
  #drawAges() {
    if (!this.#detail || !this.waiting) return;
    const now = this.context.now();
    this.#detail.waiting.slice(0, ROWS).forEach(({ since }, index) => setCell(this.waiting, index, 1, duration((now - since) / 1000)));
    for (const [table, of, , sign] of this.dues ?? []) {
      of.slice(0, ROWS).forEach((each, index) => setCell(table, index, 2, duration((sign * (each.due_at - now)) / 1000)));
    }
  }
}

/** Make a table of texts: the head once, then only the cells that differ. */
function fill({ table, none }, head, rows, nothing) {
  if (!table.tHead) {
    const row = table.createTHead().insertRow();
    for (const text of head) {
      const cell = element("th", "", text);
      cell.scope = "col";
      row.append(cell);
    }
    table.createTBody();
  }
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.lastChild.remove();
  rows.forEach((texts, index) => {
    const row = body.rows[index] ?? body.insertRow();
    texts.forEach((text, column) => {
      const cell = row.cells[column] ?? row.appendChild(element(column ? "td" : "th"));
      if (!column) cell.scope = "row";
      if (text !== "") setText(cell, text);
    });
  });
  table.hidden = rows.length === 0;
  setText(none, rows.length ? "" : nothing);
}

function setCell({ table }, row, column, text) {
  const cell = table.tBodies[0]?.rows[row]?.cells[column];
  if (cell) setText(cell, text);
}

function short(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Number((seconds / 60).toFixed(1))} min` : `${Number((seconds / 3600).toFixed(1))} h`;
}
