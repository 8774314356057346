// How a value is written. Nothing to show is a dash, never a zero.

export const NOTHING = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const score = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `value` in the catalogue's `unit`: "count", "ratio" (0–1), "s" or "score"; null and undefined give a dash. */
export function formatValue(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  if (unit === "ratio") return value === 1 ? "100%" : percent.format(value);
  if (unit === "s") return clockTime(value);
  if (unit === "score") return score.format(value);
  return whole.format(value);
}

/** Seconds as m:ss or h:mm:ss. A wait is cut, not rounded: 0:20 is never shown before 20 s have passed. */
export function clockTime(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** An age in words short enough for a chip: "4 s", "12 min", "3 h". */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/** A duration for a screen reader: "2 minutes 5 seconds". */
export function spoken(value, unit) {
  if (value === null || value === undefined) return "no value";
  if (unit !== "s") return formatValue(value, unit);
  const total = Math.max(0, Math.floor(value));
  const minutes = Math.floor(total / 60);
  return minutes ? `${minutes} minutes ${total % 60} seconds` : `${total} seconds`;
}

const timeOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Wall-clock time of an epoch in ms, in the browser's time zone. */
export function timeAt(ms) {
  return timeOfDay.format(new Date(ms));
}
