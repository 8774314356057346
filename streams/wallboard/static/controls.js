// What can be chosen, and the address that says it. In kiosk mode none of it is there.

import { element, setText } from "/static/dom.js";
import { LANGUAGES, channelName, windowShort } from "/static/words.js";

export class Controls {
  /** `change(settings)` is called with what is new; `reload` is true where only loading anew does it. */
  constructor({ windows, button, panel }, context, change) {
    this.context = context;
    this.change = change;
    this.panel = panel;
    this.button = button;
    this.#buildWindows(windows);
    button.querySelector("span").textContent = context.words.options;
    button.addEventListener("click", () => this.toggle());
    panel.addEventListener("keydown", (event) => event.key === "Escape" && (this.toggle(false), event.stopPropagation()));
    this.#buildPanel();
  }

  #buildWindows(fieldset) {
    const { presentation, settings, words } = this.context;
    fieldset.querySelector("legend").textContent = words.choose.window;
    for (const name of presentation.windows) {
      const label = element("label");
      const input = element("input");
      input.type = "radio";
      input.name = "window";
      input.value = name;
      input.checked = name === settings.window;
      input.addEventListener("change", () => this.change({ window: name }));
      label.append(input, element("span", "", windowShort(words, name)));
      fieldset.append(label);
    }
  }

  toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    (open ? this.panel.querySelector("select, input") : this.button).focus();
  }

  #buildPanel() {
    const { words } = this.context;
    const form = element("form");
    form.addEventListener("submit", (event) => (event.preventDefault(), this.toggle(false)));
    form.append(this.#select("view"), this.#channels(), this.#filter(), this.#select("order"), this.#select("theme"));
    form.append(this.#select("lang", ["auto", ...LANGUAGES]), this.#check("sound"), this.#check("kiosk"));
    const close = element("button", "plain", words.close);
    close.type = "submit";
    form.append(element("p", "hint", words.bookmark), element("p", "hint", words.keys), close);
    this.panel.append(form);
  }

  #labelled(name, input) {
    const label = element("label");
    label.append(element("span", "", this.context.words.choose[name]), input);
    return label;
  }

  #select(name, values = Object.keys(this.context.words.choices[name])) {
    const select = element("select");
    for (const value of values) select.append(new Option(this.context.words.choices[name][value], value));
    select.value = this.context.settings[name];
    select.addEventListener("change", () => this.change({ [name]: select.value }));
    return this.#labelled(name, select);
  }

  #channels() {
    const { words, settings } = this.context;
    this.channel = element("select");
    this.channel.append(new Option(words.choices.channel[""], ""));
    this.channel.addEventListener("change", () => this.change({ channel: this.channel.value }));
    if (settings.channel) this.#addChannel(settings.channel);
    this.channel.value = settings.channel;
    return this.#labelled("channel", this.channel);
  }

  #addChannel(name) {
    const text = name.split(",").map((each) => channelName(this.context.words, each)).join(", ");
    this.channel.append(new Option(text, name));
  }

  /** The channels there are, once they are known. */
  offer(channels) {
    const known = new Set([...this.channel.options].map((option) => option.value));
    for (const name of channels) if (!known.has(name)) this.#addChannel(name);
  }

  #filter() {
    const input = element("input");
    input.type = "search";
    input.value = this.context.settings.filter;
    input.placeholder = this.context.words.filter_hint;
    input.addEventListener("input", () => this.change({ filter: input.value }));
    return this.#labelled("filter", input);
  }

  #check(name) {
    const input = element("input");
    input.type = "checkbox";
    input.checked = this.context.settings[name];
    input.addEventListener("change", () => this.change({ [name]: input.checked }));
    return this.#labelled(name, input);
  }
}

/** Turns pages by itself, and says which one it is. */
export class Pager {
  #pages = 1;
  #page = 0;
  #turned = 0;
  #stopped = false;

  constructor({ root, previous, next, hold, text }, { words, settings }, redraw) {
    Object.assign(this, { root, hold, text, words, seconds: settings.page, redraw });
    for (const [button, label, step] of [[previous, words.previous_page, -1], [next, words.next_page, 1]]) {
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => this.turn(step, true));
    }
    hold.addEventListener("click", () => this.#hold(!this.#stopped));
    this.#hold(settings.page === 0);
  }

  #hold(stopped) {
    this.#stopped = stopped;
    this.#turned = performance.now();
    this.hold.dataset.held = String(stopped);
    this.hold.setAttribute("aria-label", stopped ? this.words.play : this.words.pause);
  }

  /** The page to show of so many; turns when it is time, unless somebody reads (`busy`). */
  page(pages, busy) {
    this.#pages = pages;
    if (this.#page >= pages) this.#page = 0;
    const due = this.seconds > 0 && performance.now() - this.#turned > this.seconds * 1000;
    if (pages > 1 && due && !busy && !this.#stopped) this.turn(1);
    this.root.dataset.idle = String(pages < 2);
    setText(this.text, this.words.page_of(this.#page + 1, pages));
    return this.#page;
  }

  turn(step, byHand = false) {
    if (this.#pages < 2) return;
    this.#page = (this.#page + step + this.#pages) % this.#pages;
    this.#turned = performance.now() + (byHand ? 30_000 : 0); // who turns by hand wants to read
    if (byHand) this.redraw();
  }
}
