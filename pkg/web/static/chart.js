// A line chart of the last minutes, of a day or of 30 days: drawn as SVG, with a legend that has the numbers, and a summary for those who
// hear the page.
import { el, list, shows, text } from "./dom.js";
import { clock, date, duration } from "./format.js";
import { live } from "./history.js";

const height = 168, left = 44, right = 12, top = 10, bottom = 22;

/** The least of 1, 2, 5, 10, 20, … that is not below a value: the top of an axis. */
export function roundNumber(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= value * 0.999);
}

const times = [1, 2, 5, 10, 20, 60, 120, 240, 600, 1200, 3600, 7200, 14_400, 28_800, 86_400];

/** The same for seconds: also half of it is a time that one says. */
export const roundTime = (value) => times.find((t) => t >= value * 0.999) ?? 172_800 * roundNumber(value / 172_800);

/**
 * A chart in a figure. unit formats a value, axis one of the axis; round gives the
 * top of the axis, which is at least least. The result's method
 * draw takes the samples, the lines (a name, and the function that gives its value in a sample), what it shows (see history.js), and
 * another format if that has changed.
 */
export function chart(figure, { unit, axis, round, least }) {
  const svg = figure.querySelector("svg"), legend = figure.querySelector("ul"), spoken = figure.querySelector(".summary");
  const at = figure.querySelector(".at");
  let samples = [], lines = [], pointer = null, span = live;

  svg.addEventListener("pointermove", (event) => {
    pointer = event.clientX - svg.getBoundingClientRect().left;
    paint();
  });
  svg.addEventListener("pointerleave", () => {
    pointer = null;
    paint();
  });
  new ResizeObserver(() => paint()).observe(svg);

  function paint() {
    const width = svg.clientWidth;
    if (!width) return;
    if (!samples.length) {
      svg.replaceChildren(el("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle" }, "Nothing recorded yet"));
      legend.replaceChildren();
      return;
    }
    const now = span === live ? samples.at(-1).at : Math.max(samples.at(-1).at, Date.now());
    const most = round(Math.max(least, ...lines.flatMap((l) => samples.map((s) => l.value(s) ?? 0))));
    const shown = span.shows.find((ms) => ms >= now - samples[0].at) ?? span.shows.at(-1); // as much as is known
    const x = (time) => left + (width - left - right) * (1 - (now - time) / shown);
    const y = (value) => top + (height - top - bottom) * (1 - Math.min(value, most) / most);
    const parts = [];
    for (const part of [0, 0.5, 1]) {
      const line = Math.round(y(most * part)) + 0.5;
      parts.push(el("line", { class: part ? "grid" : "grid zero", x1: left, x2: width - right, y1: line, y2: line }));
      parts.push(el("text", { class: "tick", x: left - 8, y: line + 4, "text-anchor": "end" }, axis(most * part)));
    }
    for (const [part, anchor] of [[1, "start"], [0.5, "middle"], [0, "end"]]) {
      const before = shown * part;
      parts.push(el("text", { class: "tick", x: x(now - before), y: height - 5, "text-anchor": anchor }, part ? `${duration(before / 1000)} ago` : "now"));
    }
    lines.forEach((line, i) => parts.push(...trace(line, i, x, y)));
    const picked = pointer === null ? null : nearest(pointer, x);
    if (picked) parts.push(el("line", { class: "cursor", x1: x(picked.at), x2: x(picked.at), y1: top, y2: height - bottom }));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...parts);
    text(at, picked ? `at ${span === live ? clock(picked.at) : date(picked.at)}` : "");
    label(picked ?? samples.at(-1));
  }

  // A line is broken where nothing was heard; the area under it is filled where there are few lines.
  function trace(line, i, x, y) {
    let path = "", area = "", start = null, last = null;
    const close = () => {
      if (start !== null) area += `L${x(last.at).toFixed(1)} ${y(0)}L${x(start.at).toFixed(1)} ${y(0)}Z`;
    };
    for (const s of samples) {
      const value = line.value(s);
      if (value === undefined) continue;
      const point = `${x(s.at).toFixed(1)} ${y(value).toFixed(1)}`;
      if (last === null || s.at - last.at > span.gap) {
        close();
        path += `M${point}`;
        area += `M${point}`;
        start = s;
      } else {
        path += `L${point}`;
        area += `L${point}`;
      }
      last = s;
    }
    close();
    const colour = `line-${i % 6}`;
    return [lines.length < 3 ? el("path", { class: `area ${colour}`, d: area }) : null, el("path", { class: `trace ${colour}`, d: path })].filter(Boolean);
  }

  function nearest(place, x) {
    return samples.reduce((best, s) => (Math.abs(x(s.at) - place) < Math.abs(x(best.at) - place) ? s : best), samples[0]);
  }

  function label(sample) {
    list(legend, lines.map((l, i) => ({ name: l.name, i, now: l.value(sample) ?? 0 })), (l) => l.name, (l) => {
      const swatch = el("svg", { class: "swatch", viewBox: "0 0 22 8", "aria-hidden": "true" }, el("path", { class: `trace line-${l.i % 6}`, d: "M0 4H22" }));
      const value = el("strong");
      return shows(el("li", {}, swatch, el("span", {}, l.name), value), (line) => text(value, unit(line.now)));
    });
  }

  return {
    draw(all, of, over = live, how = null) {
      if (how) ({ unit, axis, round, least } = how);
      samples = all;
      lines = of;
      span = over;
      paint();
      text(spoken, lines.map((l) => {
        const values = samples.map((s) => l.value(s) ?? 0);
        return `${l.name}: ${unit(values.at(-1) ?? 0)} now, at most ${unit(Math.max(0, ...values))} in the ${span.words}.`;
      }).join(" "));
    },
  };
}
