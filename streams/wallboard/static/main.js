// The board: hears the numbers, lets the clock run, draws.

import { Attention, stayAwake } from "/static/attention.js";
import { Controls, Pager } from "/static/controls.js";
import { setAttribute, setData, setSign, setText } from "/static/dom.js";
import { Explainer } from "/static/explain.js";
import { Feed } from "/static/feed.js";
import { fit, WIDE } from "/static/fit.js";
import { Format } from "/static/format.js";
import { Roving } from "/static/keys.js";
import { Board, inOrder } from "/static/model.js";
import { QueuePage } from "/static/queuepage.js";
import { matches, queueOf, readSettings, writeSettings } from "/static/settings.js";
import { Table, Tiles } from "/static/tiles.js";
import { chosenLanguage, windowName, wordsOf } from "/static/words.js";

const TICK_MS = 500;
const OLD_MS = 10_000;
const DEAD_MS = 30_000;
const SILENT = 2; // a source has so much more time: it may say nothing but a heartbeat every 10 s
const SORT_MS = 5_000; // tiles change places at most so often, and at once when one breaches
const NARROW = 700; // px: below, the board scrolls
const RELOADED = "reloaded-for";

const byId = (id) => document.getElementById(id);

class Page {
  #feed = new Feed("/api/v1/events", (name, message) => this.#hear(name, message));
  #link = null;
  #order = { keys: [], at: -Infinity, bad: "" };
  #queuePage = null;

  async start() {
    this.settings = readSettings(location.search);
    const language = chosenLanguage(this.settings.lang);
    this.words = await wordsOf(language);
    document.documentElement.lang = language;
    this.format = new Format(language, this.words);
    this.#dress();
    this.presentation = await this.#fetchPresentation();
    if (!this.presentation.windows.includes(this.settings.window)) this.settings.window = this.presentation.window;
    this.board = new Board(this.presentation);
    this.now = () => this.#feed.now();
    this.address = (change) => `/${writeSettings(this.#said({ ...this.settings, ...change }))}`;
    this.#build();
    this.#feed.start();
    setInterval(() => this.draw(), TICK_MS);
    addEventListener("resize", () => this.draw());
  }

  // the server may be starting, too
  async #fetchPresentation() {
    for (;;) {
      try {
        const answer = await fetch("/api/v1/presentation");
        if (answer.ok) return await answer.json();
      } catch {
        // asked again below
      }
      setText(byId("message"), this.words.lost("", this.words.reasons.server));
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }

  // the usual window need not stand in the address
  #said(settings) {
    return { ...settings, window: settings.window === this.presentation.window ? "" : settings.window };
  }

  #dress() {
    const { theme, kiosk } = this.settings;
    const root = document.documentElement;
    if (theme === "auto") delete root.dataset.theme;
    else setData(root, "theme", theme);
    setData(document.body, "kiosk", String(kiosk));
    byId("bar-controls").hidden = kiosk;
    document.title = `${this.words.title} · contact-streams`;
    setText(byId("title"), this.words.title);
    setAttribute(byId("clock"), "aria-label", this.words.server_time);
  }

  #build() {
    const { settings } = this;
    this.tiles = settings.view === "table" ? new Table(byId("tiles"), this) : new Tiles(byId("tiles"), this);
    this.wholes = new Tiles(byId("wholes"), this);
    setData(byId("board"), "view", settings.view);
    this.attention = new Attention(byId("announcements"), this);
    this.explainer = new Explainer(byId("explain"), this);
    this.roving = new Roving(byId("board"));
    const controls = { windows: byId("windows"), button: byId("options"), panel: byId("panel") };
    this.controls = new Controls(controls, this, (change) => this.#change(change));
    const pager = { root: byId("pager"), previous: byId("previous"), next: byId("next"), hold: byId("hold"), text: byId("page") };
    this.pager = new Pager(pager, this, () => this.draw());
    if (settings.kiosk) stayAwake();
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("click", (event) => this.#follow(event));
    addEventListener("popstate", () => location.reload());
    this.#open();
  }

  #key(event) {
    if (event.target.matches("input, select")) return;
    if (event.key === "PageDown" && this.settings.view === "tiles") this.pager.turn(1, true);
    else if (event.key === "PageUp" && this.settings.view === "tiles") this.pager.turn(-1, true);
    else if (event.key === "Escape" && this.settings.queue) this.#go({ queue: "" });
    else return;
    event.preventDefault();
  }

  // links within the board open without loading anew
  #follow(event) {
    const link = event.target.closest("a[href^='/']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.#go({ queue: readSettings(new URL(link.href).search).queue });
  }

  #go(change) {
    const from = this.settings.queue;
    Object.assign(this.settings, change);
    history.pushState(null, "", this.address({}));
    this.explainer.close();
    this.#open();
    const there = [...document.querySelectorAll("#tiles .name a")].find((link) => readSettings(new URL(link.href).search).queue === from);
    (this.#queuePage?.back ?? there)?.focus();
  }

  #open() {
    this.#queuePage?.end();
    const wanted = queueOf(this.settings);
    this.#queuePage = wanted ? new QueuePage(byId("queue"), this, wanted) : null;
    byId("queue").hidden = !wanted;
    byId("board-body").hidden = Boolean(wanted);
    if (!wanted) byId("queue").replaceChildren();
    this.draw();
  }

  #change(change) {
    Object.assign(this.settings, change);
    history.replaceState(null, "", this.address({}));
    // what is built once is built anew
    if (["lang", "view", "kiosk"].some((name) => name in change)) location.reload();
    this.#dress();
    this.#order.at = -Infinity;
    this.draw();
  }

  #hear(name, message) {
    if (name === "hello") this.#compare(message.build);
    if (name !== "board") return;
    this.#link = message.link;
    this.board.apply(message);
    this.controls.offer(this.board.channels());
    this.draw();
  }

  // another version of this page is there: load it, but not again and again should it be the same
  #compare(build) {
    if (build === this.presentation.build || sessionStorage.getItem(RELOADED) === build) return;
    sessionStorage.setItem(RELOADED, build);
    location.reload();
  }

  draw() {
    if (!this.board) return;
    const now = this.now();
    this.board.sample(now);
    this.#drawBar(now);
    if (this.#queuePage) {
      this.#queuePage.draw();
      byId("message").hidden = true;
    } else {
      this.#drawTiles(now);
    }
    this.roving.settle();
    this.explainer.draw();
  }

  #wanted(tile) {
    const { channel, filter } = this.settings;
    const channels = channel.split(",").filter(Boolean);
    return (!channels.length || channels.includes(tile.channel)) && matches(filter, tile.queue);
  }

  #drawTiles(now) {
    const { settings, board } = this;
    const look = (tile) => board.look(tile, settings.window, now);
    const looks = board.queues((tile) => this.#wanted(tile)).map(look);
    const channels = new Set(looks.map(({ tile }) => tile.channel));
    const alone = settings.channel || settings.filter;
    const wholes = board.wholes((tile) => channels.has(tile.channel) || (!alone && tile.channel === "agents")).map(look);
    this.attention.look(looks);
    this.#count(looks);
    const sorted = this.#sorted(looks);
    this.#say(looks.length + wholes.length); // takes room, so before it is known how much there is
    const shown = this.#fit(sorted, wholes);
    this.wholes.draw(wholes, settings.window);
    this.tiles.draw(shown, settings.window);
  }

  // tiles keep their places for some seconds, so that one can read them; a new breach comes to the top at once
  #sorted(looks) {
    const key = ({ tile }) => `${tile.channel}/${tile.queue}`;
    const bad = looks.filter(({ status }) => status === "bad").map(key).sort().join();
    const known = new Set(this.#order.keys);
    const grown = looks.some((look) => !known.has(key(look)));
    if (grown || bad !== this.#order.bad || performance.now() - this.#order.at > SORT_MS) {
      this.#order = { keys: inOrder(looks, this.settings.order).map(key), at: performance.now(), bad };
    }
    const place = new Map(this.#order.keys.map((name, index) => [name, index]));
    return [...looks].sort((a, b) => place.get(key(a)) - place.get(key(b)));
  }

  #fit(looks, wholes) {
    const body = byId("board-body");
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const narrow = innerWidth < NARROW;
    setData(document.body, "scrolls", String(narrow));
    const room = { count: looks.length, wholes: wholes.length, rem, gap: 0.65 * rem, most: this.settings.tiles };
    const size = { width: body.clientWidth, height: narrow ? Infinity : body.clientHeight };
    const found = fit({ ...room, ...size });
    const style = byId("board").style;
    const table = this.settings.view === "table";
    const unit = table ? Math.min(rem, body.clientWidth / found.wholeColumns / WIDE) : found.unit;
    style.setProperty("--unit", `${unit.toFixed(2)}px`);
    style.setProperty("--columns", found.columns);
    style.setProperty("--rows", found.rows);
    style.setProperty("--whole-columns", found.wholeColumns);
    const reading = this.explainer.open || document.activeElement?.closest("#board") || !byId("panel").hidden;
    const page = this.pager.page(narrow || table ? 1 : found.pages, Boolean(reading));
    return narrow || table ? looks : looks.slice(page * found.perPage, (page + 1) * found.perPage);
  }

  #count(looks) {
    for (const status of ["bad", "warn", "good"]) {
      const count = looks.filter((look) => look.status === status).length;
      const node = byId(`count-${status}`);
      node.hidden = count === 0;
      setSign(node, status, this.words.counts[status](count));
    }
  }

  #say(count) {
    const { words } = this;
    const nothing = this.board.tiles.size ? words.nothing_matches : words.empty;
    const message = this.#link === null ? words.connecting : nothing;
    byId("message").hidden = count > 0;
    setText(byId("message"), message);
    setAttribute(byId("board"), "aria-busy", String(this.#link === null));
  }

  #drawBar(now) {
    const { words, format } = this;
    setText(byId("clock"), format.timeWithSeconds(now));
    setText(byId("window-name"), windowName(words, this.settings.window));
    const { view, source } = this.board.ages(now);
    const ages = { data: view, source, link: this.#feed.age() };
    for (const [name, age] of Object.entries(ages)) this.#drawAge(name, age);
    const lost = this.#lost();
    const state = lost ? "lost" : ages.data === null ? "none" : ages.data > DEAD_MS ? "dead" : ages.data > OLD_MS ? "old" : "live";
    setData(document.body, "link", state);
    setSign(byId("link"), { live: "live", none: "none" }[state] ?? "lost", this.#linkText(state));
    byId("lost").hidden = !lost;
    if (lost) setText(byId("lost"), words.lost(lost.since ? format.timeWithSeconds(lost.since) : "", words.reasons[lost.reason] ?? lost.reason));
  }

  #linkText(state) {
    if (state === "none") return this.#link?.connected ? this.words.status.none : this.words.connecting;
    return state === "live" ? this.words.live : this.words.not_live;
  }

  #drawAge(name, age) {
    const node = byId(`age-${name}`);
    const patience = name === "source" ? SILENT : 1;
    const standing = age === null ? "none" : age > patience * DEAD_MS ? "dead" : age > patience * OLD_MS ? "old" : "live";
    setData(node, "standing", standing);
    node.title = this.words.ages_help[name];
    setText(node, `${this.words.ages[name]} ${age === null ? "–" : this.format.age(age)}`);
  }

  // what is lost, since when and why; null when all is well
  #lost() {
    const since = this.#feed.lostSince();
    if (since !== null && (since > 0 || performance.now() > 3_000)) return { since, reason: "server" };
    if (this.#link && !this.#link.connected) return { since: this.#link.since_ms, reason: this.#link.reason };
    return null;
  }
}

await new Page().start();
