// The words of the page, in the language of the address or of the browser.

export const LANGUAGES = ["en", "de", "es", "fr"];

/** The language to use: the one wanted, else the first of the browser's that there is, else English. */
export function chosenLanguage(wanted) {
  if (LANGUAGES.includes(wanted)) return wanted;
  const spoken = (navigator.languages ?? []).map((language) => language.slice(0, 2));
  return spoken.find((language) => LANGUAGES.includes(language)) ?? "en";
}

/** Words of a language. */
export async function wordsOf(language) {
  return (await import(`/static/lang/${language}.js`)).default;
}

/** Label of a KPI: the language's, else the catalogue's. */
export function labelOf(words, kpi) {
  return words.kpis[kpi.id]?.[0] ?? kpi.label;
}

/** What a KPI means, in one sentence. */
export function helpOf(words, kpi) {
  return words.kpis[kpi.id]?.[1] ?? kpi.help;
}

export function channelName(words, channel) {
  return words.channels[channel] ?? channel.charAt(0).toUpperCase() + channel.slice(1);
}

/** Name of a queue: a whole channel is called so. */
export function queueName(words, queue) {
  return queue === "*" ? words.all_queues : queue;
}

/** A window in words: "last 30 min", "today". */
export function windowName(words, window) {
  const rolling = /^(\d+)(m|d)$/.exec(window);
  if (!rolling) return words.windows[window] ?? window;
  return rolling[2] === "m" ? words.minutes_back(rolling[1]) : words.days_back(rolling[1]);
}

/** The same, short enough for a button: "30 min". */
export function windowShort(words, window) {
  const rolling = /^(\d+)(m|d)$/.exec(window);
  if (!rolling) return words.windows_short[window] ?? window;
  return rolling[2] === "m" ? `${rolling[1]} min` : `${rolling[1]} ${words.day_unit}`;
}
