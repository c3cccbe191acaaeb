// Problems in sentences: one that many sites have is said once, and each leads to the view where it is mended.

const places = [
  [/verify|differs? from|vanished|may have been missed/i, "verify", "Verify"],
  [/transformer/i, "transformers", "Transformers"],
  [/conflict/i, "conflicts", "Conflicts"],
  [/refused|cannot be written/i, "errors", "Errors"],
  [/offline|not been heard|asks to join|profile|has not answered|clock/i, "sites", "Sites"],
  [/never sent|paused/i, "overview", "Overview"],
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
