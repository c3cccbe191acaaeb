// Speaks to the program. Addresses are relative, so that the page also works below a path of a proxy.

/** JSON with numbers that JavaScript cannot hold exactly kept as text: a BIGINT or DECIMAL shows as it is. */
export function parse(json) {
  return JSON.parse(json, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source ? context.source : value);
}

async function request(method, path, body) {
  const answer = await fetch("api/" + path, {
    method,
    cache: "no-store",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch(() => {
    throw new Error(`the ${document.body.dataset.of} does not answer`);
  });
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign("login");
  const words = await answer.text();
  let said = null;
  try {
    said = parse(words);
  } catch { /* no JSON: the text itself */ }
  throw Object.assign(new Error(said?.error ?? (words.trim() || answer.statusText)), { said });
}

/** Asks the program and returns its answer; an error has the program's own words, and all that it said as said. */
export async function call(method, path, body) {
  const said = await (await request(method, path, body)).text();
  return said ? parse(said) : null;
}

/** Asks the program and yields the JSON object of each line of its answer as it comes. */
export async function* lines(method, path, body) {
  const reader = (await request(method, path, body)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = done ? "" : parts.pop();
    for (const line of parts) if (line.trim()) yield parse(line);
    if (done) return;
  }
}

/** The address of a list with a query; empty values are left out. */
export function address(path, query) {
  const given = Object.entries(query).filter(([, v]) => v !== "" && v !== undefined && v !== null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
