// How a value is written, in the language chosen. Nothing to show is a dash, never a zero.

export const NOTHING = "–";

export class Format {
  constructor(language, words) {
    this.words = words;
    this.language = language;
    this.whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    this.short = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 });
    this.percent = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.wholePercent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
    this.score = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    this.timeOfDay = new Intl.DateTimeFormat(language, clock);
    this.timeToSecond = new Intl.DateTimeFormat(language, { ...clock, second: "2-digit" });
  }

  /** [what stands large, what stands small after it]; the two together are the text. */
  parts(value, unit) {
    if (value === null || value === undefined) return [NOTHING, ""];
    if (unit === "ratio") return this.#ratio(value);
    if (unit === "s") return [duration(value), ""];
    if (unit === "score") return [this.score.format(value), ""];
    return [Math.abs(value) >= 100_000 ? this.short.format(value) : this.whole.format(value), ""];
  }

  // 79.96 % is below 80 %: a share is cut, not rounded, so that it never seems to have reached what it has not
  #ratio(value) {
    if (value === 1 || value === 0) return split(this.wholePercent.formatToParts(value));
    return split(this.percent.formatToParts(Math.floor(value * 1000 + 1e-9) / 1000));
  }

  text(value, unit) {
    return this.parts(value, unit).join("");
  }

  /** A threshold or a goal: as few digits as it needs. */
  limit(value, unit) {
    if (unit === "ratio") return new Intl.NumberFormat(this.language, { style: "percent", maximumFractionDigits: 1 }).format(value);
    if (unit === "s") return this.words.seconds(value);
    return this.whole.format(value);
  }

  /** For a screen reader: "2 minutes 5 seconds". */
  spoken(value, unit) {
    if (value === null || value === undefined) return this.words.no_value;
    return unit === "s" ? this.words.spoken_duration(Math.max(0, Math.floor(value))) : this.text(value, unit);
  }

  /** An age, short enough for a chip: "4 s", "12 min", "3 h". */
  age(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    if (seconds < 100) return `${seconds} s`;
    if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min`;
    return `${Math.floor(seconds / 3600)} h`;
  }

  time(ms) {
    return this.timeOfDay.format(new Date(ms));
  }

  timeWithSeconds(ms) {
    return this.timeToSecond.format(new Date(ms));
  }
}

function split(parts) {
  const at = parts.findIndex((part) => part.type === "decimal" || part.type === "percentSign");
  const cut = at > 0 && parts[at - 1].type === "literal" ? at - 1 : at;
  const text = (some) => some.map((part) => part.value).join("");
  return [text(parts.slice(0, cut)), text(parts.slice(cut))];
}

/** Seconds as m:ss or h:mm:ss, from a day on as d and h. A wait is cut: 0:20 is never shown before 20 s have passed. */
export function duration(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n) => String(n).padStart(2, "0");
  if (h >= 48) return `${Math.floor(h / 24)} d`;
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
