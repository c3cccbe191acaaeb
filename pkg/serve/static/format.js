// Numbers, durations and times as people read them.

const whole = new Intl.NumberFormat("en");
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** 12345 → 12,345 */
export const number = (n) => whole.format(n ?? 0);

/** A Count of the state: 10,000+ where there are more. */
export const count = (c) => number(c?.rows) + (c?.atLeast ? "+" : "");

/** Rows a second: 0, 0.4, 12, 1,234 */
export const rate = (r) => (r > 0 && r < 10 ? tenths.format(Math.max(r, 0.1)) : whole.format(Math.round(r || 0)));

/** Seconds as a duration of one or two units. */
export function duration(seconds) {
  const s = Math.max(0, seconds || 0);
  if (s < 9.95) return `${tenths.format(s)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const m = Math.round(s / 60);
  if (m < 60) return `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 && h < 10 ? `${h} h ${m % 60} min` : `${h} h`;
  const d = Math.floor(h / 24);
  return h % 24 && d < 10 ? `${d} d ${h % 24} h` : `${d} d`;
}

/** A time as a duration before now, both in milliseconds; later ones are "in 3 s". */
export function ago(time, now) {
  const s = (now - time) / 1000;
  if (s < -1) return `in ${duration(Math.round(-s))}`;
  return s < 2 ? "just now" : `${duration(Math.floor(s))} ago`;
}

/** The milliseconds of a time in the state; NaN for none, and for Go's zero time. */
export function moment(time) {
  const ms = Date.parse(time ?? "");
  return ms > 0 ? ms : NaN;
}

const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** 21 Nov 2026, 09:43:45 in the reader's time zone; "" for none. */
export const date = (ms) => (Number.isNaN(ms) ? "" : full.format(ms));

/** 09:43:45 */
export const clock = (ms) => (Number.isNaN(ms) ? "" : short.format(ms));

/** 1 row, 2 rows */
export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;
