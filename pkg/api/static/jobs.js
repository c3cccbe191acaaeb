// The page of a connector: its jobs, and one of them with its destinations, refused rows and runs. It asks every two
// seconds; what the connector says goes in as text.
import { byId, el, text, attribute, list, shows } from "./dom.js";
import { call, address } from "./api.js";
import { number, duration, ago, moment, date, plural } from "./format.js";
import { say, hush, ask, busy } from "./say.js";

const every = 2000;
let chosen = decodeURIComponent(location.hash.slice(1));
let jobs = [];

const states = { done: "good", running: "wait", waiting: "warn", failed: "bad", interrupted: "warn", skipped: "wait", cancelled: "warn" };

/** A mark with a colour and a shape. */
function pill(node, kind, words) {
  node.className = `pill ${kind}`;
  if (!node.firstChild) node.append(el("span", { class: "dot", "aria-hidden": "true" }), el("span"));
  text(node.lastChild, words);
}

/** What a job is doing, in a word and a colour. */
function stateOf(job) {
  if (job.running) return ["wait", "running"];
  if (job.paused) return ["warn", "paused"];
  if (!job.last) return ["wait", "has not run"];
  return [states[job.last.state] ?? "wait", job.last.state];
}

const sum = (job, what) => job.legs.reduce((n, leg) => n + leg[what], 0);

/** The row of a job in the list. */
function jobRow() {
  const name = el("button", { type: "button" });
  const state = el("p");
  const cells = Array.from({ length: 7 }, (_, i) => el("td", { class: i > 1 ? "n" : null }));
  const run = el("button", { class: "quiet", type: "button" }, "Run now");
  let shown;
  name.addEventListener("click", () => choose(shown.name));
  run.addEventListener("click", () => busy(run, () => order(shown.name, "run", `${shown.name} is running`)));
  return shows(el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, state), ...cells, el("td", {}, run)), function show(job) {
    shown = job;
    text(name, job.name);
    attribute(this, "aria-current", job.name === chosen ? "true" : null);
    pill(state, ...stateOf(job));
    const last = job.last;
    const values = [
      job.next && !job.paused ? date(moment(job.next)) : "—",
      last ? ago(moment(last.started), Date.now()) : "never",
      last ? number(last.read) : "", last ? number(last.sent) : "", last ? number(last.deleted) : "",
      number(sum(job, "waiting")), number(sum(job, "refused")),
    ];
    values.forEach((v, i) => text(cells[i], v));
    attribute(run, "hidden", job.running || Boolean(job.paused));
  });
}

/** A row of a table whose cells are texts; classes are those of the cells. */
function plainRow(count, classes = {}) {
  const cells = Array.from({ length: count }, (_, i) => el("td", { class: classes[i] ?? null }));
  const row = el("tr", {}, ...cells);
  row.fill = (values) => values.forEach((v, i) => text(cells[i], v));
  return row;
}

function legRow() {
  return shows(plainRow(5, { 1: "n", 2: "n", 3: "n" }), function show(leg) {
    this.fill([leg.destination, number(leg.known), number(leg.waiting), number(leg.refused), leg.settled ?? ""]);
  });
}

function refusedRow() {
  return shows(plainRow(5, { 2: "message", 3: "n" }), function show(r) {
    this.fill([r.destination, r.key, r.reason, number(r.tries), ago(moment(r.at), Date.now())]);
  });
}

function runRow() {
  return shows(plainRow(11, { 0: "n", 5: "n", 6: "n", 7: "n", 8: "n", 9: "n", 10: "message" }), function show(r) {
    const took = r.ended ? duration((moment(r.ended) - moment(r.started)) / 1000) : "";
    const why = r.reportDate ? `${r.kind}, ${r.reportDate}` : r.kind;
    const error = [r.stage, r.error].filter(Boolean).join(": ") + (r.requestId ? ` (request ${r.requestId})` : "");
    this.fill([r.id, why, date(moment(r.started)), took, r.state, number(r.read), number(r.sent), number(r.deleted), number(r.unchanged), number(r.refused), error]);
  });
}

/** Shows one job below the list. */
function choose(name) {
  chosen = name;
  history.replaceState(null, "", "#" + encodeURIComponent(name));
  refresh().then(() => byId("job-title").focus());
}

/** Tells a job to do something. */
async function order(name, what, done, body) {
  await call("POST", `jobs/${encodeURIComponent(name)}/${what}`, body);
  say(done);
  await refresh();
}

/** Shows what needs a person. */
function problems({ alerts, reloadError }) {
  const said = reloadError ? [`The configuration in the file does not work, and the previous one is in use: ${reloadError}`] : [];
  said.push(...alerts.filter((a) => a.rule === "backup" || a.rule === "noSuccess").map((a) => `${a.subject}: ${a.text}`));
  for (const job of jobs) {
    const last = job.last;
    if (job.paused) said.push(`${job.name} is paused${job.paused.reason ? `: ${job.paused.reason}` : ""}.`);
    if (last?.state === "waiting") said.push(`${job.name} waits for approval: ${last.error}`);
    else if (last?.state === "failed") said.push(`${job.name} failed at ${last.stage || "its start"}: ${last.error}`);
    const refused = sum(job, "refused");
    if (refused) said.push(`${plural(refused, "row")} of ${job.name} ${refused === 1 ? "is" : "are"} refused.`);
  }
  attribute(byId("problems"), "hidden", said.length === 0);
  list(byId("problems").firstElementChild, said, (s) => s, () => shows(el("li"), function show(s) { text(this, s); }));
}

/** Shows the job that is chosen. */
async function one() {
  const job = jobs.find((j) => j.name === chosen);
  attribute(byId("job"), "hidden", !job);
  if (!job) return;
  text(byId("job-title"), job.name);
  text(byId("job-about"), [job.description, job.schedule].filter(Boolean).join(" · "));
  const paused = Boolean(job.paused);
  for (const [id, hidden] of Object.entries({
    run: job.running || paused, retry: job.running || paused || !sum(job, "refused"), backfill: job.running || paused, pause: paused, resume: !paused,
    cancel: !job.running, approve: job.running || paused || job.last?.state !== "waiting",
  })) attribute(byId(id), "hidden", hidden);
  list(byId("legs").tBodies[0], job.legs, (l) => l.destination, legRow);
  const [refused, runs] = await Promise.all([
    call("GET", address(`jobs/${encodeURIComponent(job.name)}/refused`, { limit: 50 })), call("GET", address("runs", { job: job.name, limit: 30 })),
  ]);
  list(byId("refused").tBodies[0], refused, (r) => r.id, refusedRow);
  list(byId("runs").tBodies[0], runs, (r) => r.id, runRow);
  attribute(byId("refused-scroll"), "hidden", refused.length === 0);
  attribute(byId("refused-empty"), "hidden", refused.length > 0);
  attribute(byId("runs-empty"), "hidden", runs.length > 0);
}

/** Asks how all is, and shows it. */
async function refresh() {
  try {
    const s = await call("GET", "status");
    jobs = s.jobs;
    if (jobs.length === 1) chosen = jobs[0].name;
    document.title = `${s.name} · mysql-sync-connector`;
    text(byId("name"), s.name);
    text(byId("about"), [s.version, plural(jobs.length, "job"), ...(s.tags ?? [])].join(" · "));
    pill(byId("link"), "good", `Running for ${duration((Date.now() - moment(s.started)) / 1000)}`);
    list(byId("jobs").tBodies[0], jobs, (j) => j.name, jobRow);
    problems(s);
    await one();
    document.body.classList.remove("gone");
  } catch (error) {
    pill(byId("link"), "bad", error.message);
    document.body.classList.add("gone");
  }
}

const on = (id, work) => byId(id).addEventListener("click", (event) => busy(event.currentTarget, work));
on("run", () => order(chosen, "run", `${chosen} is running`));
on("retry", () => order(chosen, "retry", "Refused rows are sent again"));
on("resume", () => order(chosen, "resume", `${chosen} runs again`));
on("cancel", () => order(chosen, "cancel", "The run is ended"));
on("backfill", async () => {
  if (await ask({ title: "Read all rows?", sentences: ["The source is read from its beginning. What is unchanged is not sent again."], yes: "Read" })) {
    await order(chosen, "backfill", `${chosen} reads all rows`);
  }
});
on("approve", async () => {
  const job = jobs.find((j) => j.name === chosen);
  if (await ask({ title: "Delete these rows?", sentences: [job?.last?.error ?? "", "The job runs now and deletes what the source no longer has."], yes: "Delete", bad: true })) {
    await order(chosen, "approve", `${chosen} is running`);
  }
});
on("pause", async () => {
  const reason = el("input", { "aria-label": "Reason", maxlength: 200 });
  if (await ask({ title: `Pause ${chosen}?`, sentences: ["It does not run until it is resumed. Reason:", reason], yes: "Pause" })) {
    await order(chosen, "pause", `${chosen} is paused`, { reason: reason.value });
  }
});
byId("said-close").addEventListener("click", hush);
window.addEventListener("hashchange", () => {
  chosen = decodeURIComponent(location.hash.slice(1));
  refresh();
});

for (;;) {
  await refresh();
  await new Promise((resolve) => setTimeout(resolve, every));
}
