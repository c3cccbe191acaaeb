package value

import "strings"

// Spelling is in which ways a column's index takes two different texts for one.
type Spelling uint8

// The kinds of Spelling.
const (
	Exact  Spelling = iota // it does not: all but texts, and texts that are compared by their bytes
	Padded                 // only spaces at the end do not count
	Folded                 // its collation says which texts are equal: letters of two cases, with accents or without
)

// Spelling returns what tells values of a column in a key apart.
func (c *Column) Spelling() Spelling {
	switch {
	case c.Collation == "" || c.IsNumbered():
		return Exact // the key form of an ENUM has the member's own spelling
	case c.Charset == "big5":
		return Exact // the servers give one weight to texts that its index tells apart
	case !strings.HasSuffix(c.Collation, "_bin"):
		return Folded
	case c.pads():
		return Padded
	}
	return Exact
}

// pads reports whether the collation takes spaces at the end of a text for
// nothing. The others have it in their names: those of MySQL that end in
// _0900_… and those of MariaDB with _nopad_.
func (c *Column) pads() bool {
	return !strings.Contains(c.Collation, "_0900_") && !strings.Contains(c.Collation, "_nopad_")
}

// Weight returns the SQL expression that gives the same bytes for two texts if the
// column's index takes them for one, and only then; text is an expression of the
// text. A collation that pads compares the shorter text as if it had further
// spaces, and some take other characters for spaces: those go from the weights.
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
