// The link to the server: server-sent events, reconnecting for ever, and the server's clock.
//
// A screen on a wall has a clock of its own, often a wrong one: ages are told by the server's.

const SILENCE_MS = 12_000; // the server says something at least every 5 s
const RETRY_MS = 2_000;

export class Feed {
  #source = null;
  #openedAt = 0; // this browser's clock, monotonic
  #heardAt = null;
  #heardTime = null; // the server's clock

  constructor(address, onMessage) {
    this.address = address;
    this.onMessage = onMessage;
  }

  start() {
    this.#connect();
    setInterval(() => this.#watch(), RETRY_MS);
    // a screen that slept, or a network that came back, must not wait
    document.addEventListener("visibilitychange", () => document.hidden || this.#watch());
    addEventListener("online", () => this.#connect());
    addEventListener("pageshow", (event) => event.persisted && this.#connect());
  }

  /** The server's clock, epoch ms; before it has said anything, this browser's. */
  now() {
    return this.#heardTime === null ? Date.now() : this.#heardTime + (performance.now() - this.#heardAt);
  }

  /** How long ago the server was heard last, ms; null: never. */
  age() {
    return this.#heardAt === null ? null : performance.now() - this.#heardAt;
  }

  /** Epoch ms of the last sign of life if the link is lost, else null. 0: there never was one. */
  lostSince() {
    const open = this.#source?.readyState === EventSource.OPEN;
    if (open && this.#heardAt !== null && !this.#silent()) return null;
    return this.#heardTime ?? 0;
  }

  #silent() {
    return performance.now() - Math.max(this.#heardAt ?? 0, this.#openedAt) > SILENCE_MS;
  }

  #connect() {
    this.#source?.close();
    this.#openedAt = performance.now();
    this.#source = new EventSource(this.address);
    for (const name of ["hello", "board", "beat"]) {
      this.#source.addEventListener(name, (event) => this.#hear(name, JSON.parse(event.data)));
    }
  }

  #hear(name, message) {
    this.#heardAt = performance.now();
    this.#heardTime = message.now_ms;
    this.onMessage(name, message);
  }

  // EventSource gives up for good on an HTTP error, and does not notice a link that died without a word
  #watch() {
    const closed = this.#source.readyState === EventSource.CLOSED;
    if (closed || this.#silent()) this.#connect();
  }
}
