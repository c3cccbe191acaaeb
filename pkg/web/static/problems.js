// Problems in sentences: one that many sites have is said once, and each leads to the view where it is mended.

// By what is always said in such a sentence: it may also quote names, and the errors of servers and scripts.
const places = [
  [/^The (database|broker) .*unreachable/, "overview", "Overview"],
  [/^The transformer /, "transformers", "Transformers"],
  [/ asks to join\.|the profile | \(profile |^The clock of |offline since |not been heard since |has not answered since /, "sites", "Sites"],
  [/ (is|are) refused: mysql-sync errors| cannot be written since /, "errors", "Errors"],
  [/mysql-sync verify|verify --repair|^A trigger changes rows/, "verify", "Verify"],
];

/** The view where a problem is mended, as the name of its link and what it is called. */
export function placeOf(sentence, fleet) {
  const [, view, name] = places.find(([words]) => words.test(sentence)) ?? [null, "log", "Log"];
  return view === "sites" && !fleet ? ["overview", "Overview"] : [view, name];
}

/** Groups sentences that differ only in a site, a number or a time: {sentence, sites, all}, in their order. */
export function grouped(sentences, names) {
  const known = new Set(names), groups = new Map();
  for (const sentence of sentences) {
    const sites = [];
    const kind = sentence.split(/([\w-]+)/).map((word) => {
      if (!known.has(word)) return word;
      if (!sites.includes(word)) sites.push(word);
      return "*";
    }).join("").replace(/\d[\d.,:+TZ-]*/g, "#").replace(/\b(rows?|is|are|it|them|values?|tables?|has|have)\b/g, "~");
    const group = groups.get(kind) ?? groups.set(kind, { sentence, sites: new Set(), all: [] }).get(kind);
    for (const s of sites) group.sites.add(s);
    group.all.push(sentence);
  }
  return [...groups.values()];
}
