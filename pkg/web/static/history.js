// The last ten minutes, a sample a second. They live in this tab, also over a reload of the page.

export const span = 600_000; // ms

let samples = []; // {at, sent, received, lag: {remote: seconds}}

/** Adds a state, and returns all samples. */
export function add(state) {
  const sum = (of) => state.remotes.reduce((all, r) => all + (r[of]?.perSecond || 0), 0);
  const at = Date.now();
  samples.push({ at, sent: sum("sent"), received: sum("received"), lag: Object.fromEntries(state.remotes.map((r) => [r.name, r.lag || 0])) });
  samples = samples.filter((s) => s.at > at - span && s.at <= at);
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
