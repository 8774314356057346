// The link to the server: server-sent events, reconnecting for ever, and the server's clock.
//
// A screen on a wall has a clock of its own, often a wrong one: ages are told by the server's.

const SILENCE_MS = 12_000; // the server says something at least every 5 s
const RETRY_MS = 2_000;

export class Feed {
  #source = null;
  #heardAt = null; // this browser's clock, monotonic
  #heardTime = null; // the server's clock
  #offset = 0;

  constructor(address, onMessage) {
    this.address = address;
    this.onMessage = onMessage;
  }

  start() {
    this.#connect();
    setInterval(() => this.#watch(), RETRY_MS);
  }

  /** The server's clock, epoch ms. */
  now() {
    return Date.now() + this.#offset;
  }

  /** Epoch ms of the last sign of life if the link is lost, else null. 0: there never was one. */
  lostSince() {
    const open = this.#source?.readyState === EventSource.OPEN;
    if (open && this.#heardAt !== null && !this.#silent()) return null;
    return this.#heardTime ?? 0;
  }

  #silent() {
    return performance.now() - this.#heardAt > SILENCE_MS;
  }

  #connect() {
    this.#source?.close();
    this.#source = new EventSource(this.address);
    this.#source.addEventListener("board", (event) => this.#hear(JSON.parse(event.data)));
    this.#source.addEventListener("beat", (event) => this.#hear(JSON.parse(event.data)));
  }

  #hear(message) {
    this.#offset = message.now_ms - Date.now();
    this.#heardAt = performance.now();
    this.#heardTime = message.now_ms;
    this.onMessage(message);
  }

  // EventSource gives up for good on an HTTP error, and does not notice a link that died without a word.
  #watch() {
    const closed = this.#source.readyState === EventSource.CLOSED;
    const dead = this.#source.readyState === EventSource.OPEN && this.#heardAt !== null && this.#silent();
    if (closed || dead) this.#connect();
  }
}
