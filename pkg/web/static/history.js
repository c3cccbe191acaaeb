// The last ten minutes, a sample a second, which live in this tab, also over a reload of the page; and what the node keeps of the
// last day and of the last 30 days.
import { address, call } from "./api.js";

const minute = 60_000, hour = 60 * minute; // ms

/** What a chart shows: at most the longest of shows, in ms; a line joins samples up to a gap. */
export const live = { shows: [1, 2, 4, 10].map((n) => n * minute), gap: 5000, words: "last ten minutes" };
export const spans = {
  day: { shows: [hour, 4 * hour, 24 * hour], gap: 11 * minute, every: 5 * minute, words: "last day" },
  month: { shows: [24, 96, 240, 720].map((n) => n * hour), gap: 2.5 * hour, every: hour, words: "last 30 days" },
};

/** What the node has recorded of a site, "" being itself. It is read when it is first needed, and again after some minutes. */
export function recorded(site) {
  let kept = null, looked = 0;
  return {
    get away() {
      return kept?.away ?? null;
    },
    get known() {
      return kept !== null;
    },
    async read(then, failed) {
      if (Date.now() - looked < 2 * minute) return;
      looked = Date.now();
      try {
        kept = await call("GET", address("history", { site }));
        then();
      } catch (error) {
        if (error.said && !kept) kept = { day: [], month: [] }; // nothing yet
        else failed(error.message);
        then();
      }
    },
    /** What a chart draws: samples, lines and the span. Rows are a second, on average. */
    draw(chosen, lines) {
      const span = spans[chosen];
      const samples = (kept?.[chosen] ?? []).map((r) => {
        const at = Date.parse(r.at), seconds = Math.max(60, Math.min(span.every, Date.now() - at) / 1000);
        return { at, sent: (r.sent ?? 0) / seconds, received: (r.received ?? 0) / seconds, waits: r.waits ?? 0, pending: r.pending ?? 0, forIt: r.forIt ?? 0,
          refused: r.refused ?? 0, offline: (100 * (r.offline ?? 0)) / r.samples };
      });
      return [samples, lines, span];
    },
  };
}

let samples = []; // {at, sent, received, lag: {remote: seconds}}

/** Adds a state, and returns all samples. */
export function add(state) {
  const sum = (of) => state.remotes.reduce((all, r) => all + (r[of]?.perSecond || 0), 0);
  const at = Date.now();
  samples.push({ at, sent: sum("sent"), received: sum("received"), lag: Object.fromEntries(state.remotes.map((r) => [r.name, r.lag || 0])) });
  samples = samples.filter((s) => s.at > at - live.shows.at(-1) && s.at <= at);
  return samples;
}

/** Takes up what this tab knew of a client before a reload of the page, and keeps it for the next one. */
export function remember(client) {
  const key = "history of " + client;
  try {
    const old = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    if (Array.isArray(old)) samples = [...old.filter((s) => s.lag), ...samples];
  } catch { /* no storage: it begins now */ }
  addEventListener("pagehide", () => {
    try {
      sessionStorage.setItem(key, JSON.stringify(samples));
    } catch { /* no storage, or it is full */ }
  });
}
