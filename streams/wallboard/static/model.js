// What the board knows: tiles by channel and queue, judged against the catalogue's thresholds. No DOM here.

const LIVE_FOR_MS = 3_000; // older than this is not live, whatever it said when it was written
const SAMPLE_MS = 5_000;
const SAMPLES = 360; // 30 minutes

export const WHOLE_CHANNEL = "*";
export const NO_QUEUE = "-";

export class Board {
  constructor() {
    this.tiles = new Map(); // key → tile as the server sends it, with `history`
  }

  /** Take in a message of the server: all tiles (`full`) or those that changed. */
  apply(message) {
    if (!message.tiles) return;
    const before = this.tiles;
    if (message.full) this.tiles = new Map();
    for (const tile of message.tiles) {
      const key = tileKey(tile);
      this.tiles.set(key, { ...before.get(key), ...tile });
    }
  }

  /** Remember `waiting` of each tile, once per sample time. */
  sample(now) {
    const at = Math.floor(now / SAMPLE_MS);
    for (const tile of this.tiles.values()) {
      tile.history ??= { step_ms: SAMPLE_MS, end: at, waiting: [] };
      const history = tile.history;
      const missed = Math.min(at - history.end, SAMPLES);
      if (missed <= 0) continue;
      for (let i = 1; i < missed; i += 1) history.waiting.push(null);
      history.waiting.push(isLive(tile, now) ? (tile.values.waiting ?? null) : null);
      history.waiting.splice(0, history.waiting.length - SAMPLES);
      history.end = at;
    }
  }

  /** [channel, tiles] in the order shown: the whole channel first, then groups, then queues by name. */
  channels() {
    const channels = new Map();
    for (const tile of this.tiles.values()) {
      if (tile.queue === NO_QUEUE) continue; // its contacts never waited: nothing of what a tile shows
      if (!channels.has(tile.channel)) channels.set(tile.channel, []);
      channels.get(tile.channel).push(tile);
    }
    const sorted = [...channels].sort(([a], [b]) => channelRank(a) - channelRank(b) || a.localeCompare(b));
    for (const [, tiles] of sorted) tiles.sort((a, b) => rank(a) - rank(b) || a.queue.localeCompare(b.queue, "en", { numeric: true }));
    return sorted;
  }

  /** The largest age of any tile's data in ms, null when there is none. */
  oldest(now) {
    const ages = [...this.tiles.values()].map((tile) => now - tile.as_of_ms);
    return ages.length ? Math.max(...ages) : null;
  }
}

export function tileKey({ channel, queue }) {
  return `${channel}\u001f${queue}`;
}

const CHANNELS = ["voice", "chat"];

function channelRank(channel) {
  const index = CHANNELS.indexOf(channel);
  return index < 0 ? CHANNELS.length : index;
}

function rank({ queue }) {
  if (queue === WHOLE_CHANNEL) return 0;
  return queue.startsWith("@") ? 1 : 2;
}

/** Whether a tile may be shown as live at `now`. */
export function isLive(tile, now) {
  return tile.state === "live" && now - tile.as_of_ms <= LIVE_FOR_MS;
}

/** Value of `kpi` in `window`. An age rises with the clock while its tile is live. */
export function valueOf(tile, kpi, window, now) {
  if (!kpi.live) return tile.values[`${kpi.id}:${window}`] ?? null;
  const value = tile.values[kpi.id] ?? null;
  const since = tile.since_ms?.[kpi.id];
  if (value === null || since === undefined || !isLive(tile, now)) return value;
  return Math.max(value, (now - since) / 1000);
}

/** "good", "warn", "bad" against the thresholds, or "none" where there is no value or no threshold. */
export function judge(value, kpi) {
  if (value === null || kpi.good === "neither") return "none";
  const worse = kpi.good === "up" ? (limit) => value < limit : (limit) => value >= limit;
  if (kpi.bad !== null && worse(kpi.bad)) return "bad";
  if (kpi.warn !== null && worse(kpi.warn)) return "warn";
  return kpi.bad === null && kpi.warn === null ? "none" : "good";
}

const ORDER = ["none", "good", "warn", "bad"];

/** The worst of several judgements. */
export function worst(judgements) {
  return judgements.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a), "none");
}
