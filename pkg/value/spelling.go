package value

import "strings"

// Spelling is how a column's index equates different texts.
type Spelling uint8

// The kinds of Spelling.
const (
	Exact  Spelling = iota // not at all: other types, and texts compared by their bytes
	Padded                 // trailing spaces are ignored
	Folded                 // its collation says which texts are equal, such as those that differ in case or accents
)

// Spelling returns how texts of the column are equated in a key.
func (c *Column) Spelling() Spelling {
	switch {
	case c.Collation == "" || c.IsNumbered():
		return Exact // the key form of an ENUM has the member's own spelling
	case c.Charset == "big5":
		return Exact // the servers give the same weight to texts that its index tells apart
	case !strings.HasSuffix(c.Collation, "_bin"):
		return Folded
	case c.pads():
		return Padded
	}
	return Exact
}

// pads reports whether the collation ignores trailing spaces. The names of
// those that do not have _0900_ (MySQL) or _nopad_ (MariaDB) in them.
func (c *Column) pads() bool {
	return !strings.Contains(c.Collation, "_0900_") && !strings.Contains(c.Collation, "_nopad_")
}

// Weight returns an SQL expression that gives the same bytes for two texts if, and
// only if, the column's index equates them; text is the expression of the text. A
// collation that pads compares the shorter text as if spaces followed, and some
// treat other characters as spaces: these are removed from the weights.
func (c *Column) Weight(text string) string {
	weight := func(text string) string { return "WEIGHT_STRING(" + text + ")" }
	in := func(text string) string {
		return "CONVERT(" + text + " USING " + c.Charset + ") COLLATE " + c.Collation
	}
	if !c.pads() {
		return weight(in(text))
	}
	return "TRIM(TRAILING " + weight(in("' '")) + " FROM " + weight("RTRIM("+in(text)+")") + ")"
}
