// Whether a number is good, to be watched, or a breach: as streams/wallboard/judging.py judges.

const JUDGED = ["longest_wait", "service_level", "abandon_rate", "sla_breached_open", "sla_compliance"];
const OF_VISITS = ["service_level", "abandon_rate"];
const FEW = 5; // a share of fewer visits says nothing
const ORDER = ["none", "good", "warn", "bad"];

/** "good", "warn", "bad" against [warn, bad], or "none" where there is no value or no threshold. */
export function judge(value, kpi, threshold = null) {
  const [warn, bad] = threshold ?? [kpi.warn, kpi.bad];
  if (value === null || value === undefined || kpi.good === "neither" || (warn === null && bad === null)) return "none";
  const beyond = kpi.good === "up" ? (limit) => value < limit : (limit) => value >= limit;
  if (bad !== null && beyond(bad)) return "bad";
  return warn !== null && beyond(warn) ? "warn" : "good";
}

/** Whether so few visits have had an outcome that their shares say nothing. */
export function isFew(values, window) {
  return (values[`answered:${window}`] ?? 0) + (values[`abandoned:${window}`] ?? 0) < FEW;
}

/** The judgement of one number of a queue. */
export function judgeOf(kpi, value, values, thresholds, window) {
  if (OF_VISITS.includes(kpi.id) && isFew(values, window)) return "none";
  return judge(value, kpi, thresholds[kpi.id]);
}

/** What a queue's numbers come to: the worst; nothing is on target while its shares say nothing. */
export function judgeQueue(judgements, values, window) {
  const all = JUDGED.map((id) => judgements[id] ?? "none");
  const worst = all.reduce((a, b) => (severity(b) > severity(a) ? b : a), "none");
  const unsaid = isFew(values, window) && OF_VISITS.some((id) => `${id}:${window}` in values);
  return worst === "good" && unsaid ? "none" : worst;
}

export function severity(judgement) {
  return ORDER.indexOf(judgement);
}
