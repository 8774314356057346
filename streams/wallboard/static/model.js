// What the board knows: tiles by channel and queue, and what they are to be shown as. No DOM here.

import { judgeOf, judgeQueue, severity } from "/static/judge.js";

const LIVE_MS = 3_000; // older than this is not live, whatever it said when it was written
const OLD_MS = 10_000;
const DEAD_MS = 30_000;
const SAMPLES = 240; // an hour

export const WHOLE = "*";
const NO_QUEUE = "-";
const AGENTS = "agents";

export class Board {
  constructor(presentation) {
    this.presentation = presentation;
    this.tickets = new Set(presentation.ticket_channels);
    this.tiles = new Map(); // key → tile as the server sends it
  }

  /** Take in a message of the server: all tiles (`full`) or those that changed. */
  apply(message) {
    const before = this.tiles;
    if (message.full) this.tiles = new Map();
    for (const tile of message.tiles) {
      const known = before.get(keyOf(tile));
      this.tiles.set(keyOf(tile), {
        ...tile,
        values: tile.values ?? known?.values ?? {},
        since_ms: tile.since_ms ?? known?.since_ms ?? {},
        history: tile.history ?? known?.history ?? null,
      });
    }
  }

  /** Let the lines go on between two messages with everything: one sample per step. */
  sample(now) {
    for (const tile of this.tiles.values()) {
      if (!tile.history?.step_ms) continue;
      const step = Math.floor(now / tile.history.step_ms);
      const missed = Math.min(step - tile.history.end, SAMPLES);
      if (missed <= 0) continue;
      for (const [name, samples] of Object.entries(tile.history.series)) {
        for (let i = 1; i < missed; i += 1) samples.push(null);
        samples.push(ageOf(tile, now) <= LIVE_MS ? (tile.values[name] ?? null) : null);
        samples.splice(0, samples.length - SAMPLES);
      }
      tile.history.end = step;
    }
  }

  get(channel, queue) {
    return this.tiles.get(keyOf({ channel, queue })) ?? null;
  }

  sortOf(tile) {
    if (tile.channel === AGENTS) return AGENTS;
    return this.tickets.has(tile.channel) ? "tickets" : "contacts";
  }

  /** Whole channels, for the row at the top: calls and chats first, then tickets, then the agents. */
  wholes(wanted) {
    const rank = (tile) => ["contacts", "tickets", AGENTS].indexOf(this.sortOf(tile));
    const found = [...this.tiles.values()].filter((tile) => tile.queue === WHOLE && wanted(tile));
    return found.sort((a, b) => rank(a) - rank(b) || channelRank(a) - channelRank(b) || compare(a.channel, b.channel));
  }

  /** Queues and groups of them. */
  queues(wanted) {
    const isQueue = ({ channel, queue }) => channel !== AGENTS && queue !== NO_QUEUE && !queue.startsWith(WHOLE);
    return [...this.tiles.values()].filter((tile) => isQueue(tile) && wanted(tile));
  }

  /** All channels that have queues. */
  channels() {
    return [...new Set([...this.tiles.values()].map((tile) => tile.channel))].filter((name) => name !== AGENTS).sort();
  }

  /** The numbers of a tile at `now`, with those of its agents: field → value. Ages rise while it is live. */
  values(tile, now) {
    const agents = this.sortOf(tile) === "contacts" && tile.queue !== WHOLE ? this.get(AGENTS, tile.queue) : null;
    const own = agents ? { ...agents.values, ...tile.values } : tile.values;
    if (ageOf(tile, now) > LIVE_MS || tile.state !== "live") return own;
    const risen = {};
    for (const [name, since] of Object.entries(tile.since_ms)) {
      if (name in own) risen[name] = Math.max(own[name], (now - since) / 1000);
    }
    return { ...own, ...risen };
  }

  of(queue) {
    return this.presentation.queues[queue] ?? this.presentation.defaults;
  }

  /** Everything that a tile is drawn from at `now`. */
  look(tile, window, now) {
    const values = this.values(tile, now);
    const { thresholds } = this.of(tile.queue);
    const judgements = {};
    for (const [id, kpi] of Object.entries(this.presentation.kpis)) {
      judgements[id] = judgeOf(kpi, valueOf(values, kpi, window), values, thresholds, window);
    }
    const standing = standingOf(tile, now);
    const unstaffed = values.agents_staffed === 0 && values.waiting > 0;
    const judged = unstaffed ? "bad" : judgeQueue(judgements, values, window);
    const idle = tile.channel === AGENTS ? "none" : judged;
    return { tile, values, judgements, standing, unstaffed, status: statusOf(tile, standing, idle, values), age: ageOf(tile, now) };
  }

  /** The age of the newest view, of the newest event, in ms at `now`; null where there is none. */
  ages(now) {
    const tiles = [...this.tiles.values()];
    if (!tiles.length) return { view: null, source: null };
    const heard = tiles.map((tile) => tile.heard_ms ?? 0);
    const source = Math.max(...heard);
    return {
      view: Math.max(0, now - Math.max(...tiles.map((tile) => tile.as_of_ms))),
      source: source ? Math.max(0, now - source) : null,
    };
  }
}

export function keyOf({ channel, queue }) {
  return `${channel}\u001f${queue}`;
}

function ageOf(tile, now) {
  return now - tile.as_of_ms;
}

/** "live", "late" (some seconds: judged, but nothing rises), "old" (10 s), "dead" (30 s), by the age of what is shown. */
export function standingOf(tile, now) {
  const age = ageOf(tile, now);
  if (age > DEAD_MS) return "dead";
  if (age > OLD_MS) return "old";
  return age <= LIVE_MS && tile.state === "live" ? "live" : "late";
}

/** What the sign of a tile says: "catching", "stale", "closed" before the judgement of its numbers. */
function statusOf(tile, standing, judgement, values) {
  if (standing === "old" || standing === "dead") return tile.here && tile.state === "catching_up" ? "catching" : "stale";
  if (tile.opens_ms !== undefined && tile.opens_ms !== null && !(values.waiting > 0)) return "closed";
  return judgement;
}

/** Value of `kpi` in `window`, null where there is none. */
export function valueOf(values, kpi, window) {
  return values[kpi.live ? kpi.id : `${kpi.id}:${window}`] ?? null;
}

const RANK = { catching: 0, stale: 0, closed: -1 };

/** Tiles in the order wanted; `looks` as `Board.look` gives them. A breach comes first. */
export function inOrder(looks, order) {
  const load = ({ values }) => values.waiting ?? values.backlog ?? 0;
  const rank = ({ status }) => RANK[status] ?? severity(status);
  const by = {
    breach: (a, b) => rank(b) - rank(a) || byName(a, b),
    waiting: (a, b) => load(b) - load(a) || byName(a, b),
    name: byName,
  };
  return [...looks].sort(by[order]);
}

function byName({ tile: a }, { tile: b }) {
  return channelRank(a) - channelRank(b) || compare(a.channel, b.channel) || compare(a.queue, b.queue);
}

function compare(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

const CHANNELS = ["voice", "chat"];

function channelRank({ channel }) {
  const index = CHANNELS.indexOf(channel);
  return index < 0 ? CHANNELS.length : index;
}
