// Numbers and times as people read them.

const NONE = "–";
const minus = (text) => text.replace("-", "\u2212");

const thousands = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
export const whole = (n) => (n === null || n === undefined ? NONE : thousands.format(Math.round(n)));

/** `71 %`, `0.4 %`. */
export function percent(x, digits = 0) {
  if (x === null || x === undefined) return NONE;
  return `${minus((100 * x).toFixed(digits))} %`;
}

/** A chance: it comes out of a model, and is never written as certainty. */
export function chance(p) {
  if (p > 0.995) return "> 99 %";
  return p < 0.005 ? "< 1 %" : percent(p);
}

/** A reward: as a rate, or as a number. */
export function reward(x, unit, digits = 2) {
  if (x === null || x === undefined) return NONE;
  return unit === "percent" ? percent(x, digits) : minus(x.toPrecision(4));
}

export function interval(low, high, unit) {
  if (low === null || low === undefined) return "";
  const bare = (x) => reward(x, unit).replace(" %", "");
  return high === null || high === undefined ? `(${bare(low)} or more)` : `(${bare(low)} to ${bare(high)})`;
}

/** `+4.1 %` and `(2.0 to 6.3)`. */
export function lift(l) {
  if (!l) return [NONE, ""];
  const scale = (x) => (l.relative ? (100 * x).toFixed(1) : x.toFixed(3));
  const sign = l.value >= 0 ? "+" : "";
  const to = l.upper === null ? "or more" : `to ${minus(scale(l.upper))}`;
  return [`${sign}${minus(scale(l.value))}${l.relative ? " %" : ""}`, `(${minus(scale(l.lower))} ${to})`];
}

export const score = (x) => (x === null || x === undefined ? NONE : x.toFixed(3).replace(/^0/, ""));

export function rate(x) {
  if (x >= 100) return whole(x);
  return x >= 10 ? x.toFixed(0) : x.toFixed(1);
}

export function seconds(s) {
  if (s === null || s === undefined) return NONE;
  if (s < 1) return `${Math.round(1000 * s)} ms`;
  return s < 90 ? `${s.toFixed(1)} s` : span(s);
}

/** `38 s`, `14 min`, `26 h`, `9 days`. */
export function span(s) {
  if (s < 120) return `${Math.floor(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return s < 172_800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} days`;
}

export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i += 1) n /= 1000;
  return `${n >= 100 || i === 0 ? n.toFixed(0) : n.toFixed(1)} ${units[i]}`;
}

const pad = (n) => String(n).padStart(2, "0");

/** Local time of day; its title has UTC. */
export function clock(when, millis = false) {
  const d = new Date(when);
  if (Number.isNaN(d.getTime())) return NONE;
  const text = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return millis ? `${text}.${String(d.getMilliseconds()).padStart(3, "0")}` : text;
}

export const utc = (when) => new Date(when).toISOString();

/** For plotly, which reads times as UTC: the number that it writes as local time. */
export const local = (ms) => ms - new Date(ms).getTimezoneOffset() * 60_000;
