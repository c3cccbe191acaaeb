// The live stream of the node: its state each second, and its log. A stream that ends, or is silent, is made again.
import { parse } from "./api.js";

const silence = 5000; // ms without a state after which the node counts as gone
const pause = 1000; // ms before a new attempt

/** Follows the node for as long as the page lives. on has the functions status, log, gone and back. */
export function follow(on) {
  let source, timer;
  let gone = false;

  function lost() {
    clearTimeout(timer);
    source.close();
    if (!gone) {
      gone = true;
      on.gone();
    }
    timer = setTimeout(again, pause);
  }

  // A session that has ended shows here: the stream itself does not tell why it was refused.
  async function again() {
    try {
      const answer = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(silence) });
      if (answer.status === 401) return location.assign("login");
      if (answer.ok) return connect();
    } catch { /* still gone */ }
    timer = setTimeout(again, pause);
  }

  function heard() {
    clearTimeout(timer);
    timer = setTimeout(lost, silence);
  }

  function connect() {
    source = new EventSource("api/events");
    source.addEventListener("status", (event) => {
      heard();
      if (gone) {
        gone = false;
        on.back();
      }
      on.status(parse(event.data));
    });
    source.addEventListener("log", (event) => on.log(parse(event.data)));
    source.addEventListener("error", lost);
    heard();
  }

  connect();
}
