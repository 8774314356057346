// What the address says: each screen has its bookmark. Nothing is kept anywhere else.

const CHOICES = {
  view: ["tiles", "table"],
  order: ["breach", "name", "waiting"],
  theme: ["auto", "dark", "light"],
  lang: ["auto", "en", "de", "es", "fr"],
};

const USUAL = {
  view: "tiles",
  order: "breach",
  theme: "auto",
  lang: "auto",
  window: "",
  channel: "",
  filter: "",
  queue: "",
  kiosk: false,
  sound: false,
  page: 15,
  tiles: 0,
};

/** The settings of a query string; what makes no sense is as usual. */
export function readSettings(search) {
  const query = new URLSearchParams(search);
  const settings = { ...USUAL };
  for (const name of Object.keys(USUAL)) {
    const said = query.get(name);
    if (said !== null) settings[name] = understood(name, said);
  }
  return settings;
}

function understood(name, said) {
  if (CHOICES[name]) return CHOICES[name].includes(said) ? said : USUAL[name];
  if (typeof USUAL[name] === "boolean") return ["1", "true", "yes", "on", ""].includes(said);
  if (typeof USUAL[name] === "number") {
    const number = Number(said);
    return Number.isFinite(number) && number >= 0 && said !== "" ? number : USUAL[name];
  }
  return said;
}

/** The query string that says `settings`; what is as usual is left out. */
export function writeSettings(settings) {
  const query = new URLSearchParams();
  for (const [name, usual] of Object.entries(USUAL)) {
    const value = settings[name];
    if (value !== usual) query.set(name, value === true ? "1" : value === false ? "0" : String(value));
  }
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

/** Whether a queue's name is wanted: parts separated by commas, `*` for anything, `-` before what is not. */
export function matches(filter, name) {
  const parts = filter.split(",").map((part) => part.trim().toLowerCase()).filter(Boolean);
  const [not, wanted] = [parts.filter((part) => part.startsWith("-")), parts.filter((part) => !part.startsWith("-"))];
  const is = (part) => pattern(part).test(name.toLowerCase());
  if (not.some((part) => is(part.slice(1)))) return false;
  return wanted.length === 0 || wanted.some(is);
}

function pattern(part) {
  const escaped = part.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return part.includes("*") ? new RegExp(`^${escaped.join(".*")}$`) : new RegExp(escaped[0]);
}

/** [channel, queue] of the setting `queue`: `voice/billing`. Null: no queue's page is wanted. */
export function queueOf(settings) {
  const at = settings.queue.indexOf("/");
  return at > 0 ? [settings.queue.slice(0, at), settings.queue.slice(at + 1)] : null;
}
