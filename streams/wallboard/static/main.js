// The board: hears the numbers, lets the clock run, draws.

import { Feed } from "/static/feed.js";
import { age, timeAt } from "/static/format.js";
import { Board } from "/static/model.js";
import { BoardView, setIcon } from "/static/view.js";

const byId = (id) => document.getElementById(id);

async function fetchPresentation() {
  for (;;) {
    try {
      const response = await fetch("/api/presentation");
      if (response.ok) return await response.json();
    } catch {
      // the server is not there yet: the feed says so
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

/** The radio buttons for the window; the choice stands in the address, so that each screen has its bookmark. */
function windowChooser(presentation, onChange) {
  const asked = new URLSearchParams(location.search).get("window");
  const chosen = presentation.windows.includes(asked) ? asked : presentation.window;
  for (const name of presentation.windows) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "window", value: name, checked: name === chosen });
    input.addEventListener("change", () => {
      const url = new URL(location.href);
      url.searchParams.set("window", name);
      history.replaceState(null, "", url);
      onChange(name);
    });
    const text = document.createElement("span");
    text.textContent = name.replaceAll("_", " ");
    label.append(input, text);
    byId("windows").append(label);
  }
  return chosen;
}

class Page {
  #board = new Board();
  #link = null;
  #feed = new Feed("/events", (message) => this.#hear(message));

  async start() {
    this.#feed.start();
    setInterval(() => this.#draw(), 500);
    const presentation = await fetchPresentation();
    const view = new BoardView(byId("board"), presentation);
    view.window = windowChooser(presentation, (name) => {
      view.window = name;
      this.#draw();
    });
    this.view = view;
    this.#draw();
  }

  #hear(message) {
    this.#board.apply(message);
    this.#link = message.link ?? this.#link;
    this.#draw();
  }

  #draw() {
    const now = this.#feed.now();
    this.#board.sample(now);
    this.view?.draw(this.#board, now);
    this.#drawClock(now);
    this.#drawLink(now);
  }

  #drawClock(now) {
    const clock = byId("clock");
    const text = timeAt(now);
    if (clock.textContent === text) return;
    clock.textContent = text;
    clock.dateTime = new Date(now).toISOString();
  }

  #drawLink(now) {
    const lost = this.#lost();
    const late = this.#board.tiles.size ? this.#board.oldest(now) : null;
    const status = lost ? "lost" : late === null ? "none" : late > 3000 ? "late" : "live";
    const words = {
      lost: "Not live",
      none: "No data yet",
      late: "Catching up",
      live: "Live",
    };
    setIcon(byId("link"), status, words[status]);
    // beside the status, not in it: a screen reader says the status when it changes, not the age every second
    byId("behind").textContent = status === "late" ? `${age(late)} behind` : "";
    document.body.dataset.link = status;
    const banner = byId("lost");
    banner.hidden = !lost;
    if (lost) {
      const since = lost.since ? ` since ${timeAt(lost.since)}` : "";
      const text = `Not live${since}: ${lost.reason}. Trying again …`;
      if (banner.textContent !== text) banner.textContent = text;
    }
    byId("empty").hidden = this.#board.tiles.size > 0;
    if (!lost) byId("empty").textContent = "No queue has reported yet. Tiles appear as soon as a worker writes.";
    byId("board").setAttribute("aria-busy", String(this.#link === null));
  }

  // What is lost, since when and why; null when all is well.
  #lost() {
    const since = this.#feed.lostSince();
    if (since !== null) return { since, reason: "no connection to the board's server" };
    if (this.#link && !this.#link.connected) return { since: this.#link.since_ms, reason: this.#link.reason };
    return null;
  }
}

await new Page().start();
