package schemafuzz

import (
	"fmt"
	"strings"
)

// Kinds is the set of what may occur in a script besides plain tables and writes.
type Kinds uint

// The kinds.
const (
	Types     Kinds = 1 << iota // keys of all types, at the limits of each
	Parents                     // foreign keys
	Cascades                    // some with ON DELETE and ON UPDATE CASCADE or SET NULL
	Selves                      // some from a table to itself
	Rings                       // some in a ring over several tables
	NotNull                     // also rings whose columns are all NOT NULL
	Uniques                     // unique keys beside the primary key
	Spellings                   // values spelled differently that their column's collation takes for equal
	Generated                   // generated columns
	Rekeys                      // updates that change the key of a row
	Unchecked                   // transactions with foreign_key_checks=0
	Bulk                        // transactions with more rows than a batch has
	Faults                      // kills and cuts while users write
	Holds                       // transactions that keep their locks for a while
	Apart                       // users of all sites write at the same time
	Routed                      // a hub gives each site its part; not with Apart

	All = 1<<iota - 1
)

// Kinds that fail for known reasons.
const (
	Unmended      = Kinds(0)
	UnmendedApart = Spellings
)

// names are the names of the kinds, in their order.
var names = []string{"types", "parents", "cascades", "selves", "rings", "notnull", "uniques", "spellings", "generated", "rekeys",
	"unchecked", "bulk", "faults", "holds", "apart", "routed"}

// Has reports whether all of some kinds are in the set.
func (k Kinds) Has(some Kinds) bool { return k&some == some }

// String returns the names of the kinds, separated by commas.
func (k Kinds) String() string {
	var list []string
	for i, name := range names {
		if k.Has(1 << i) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ",")
}

// ParseKinds reads what String writes. A minus before a name removes the kind: "all,-rings".
func ParseKinds(text string) (Kinds, error) {
	var k Kinds
	for word := range strings.SplitSeq(text, ",") {
		name, away := strings.CutPrefix(word, "-")
		some, err := parseKind(name)
		if err != nil {
			return 0, err
		}
		if away {
			k &^= some
		} else {
			k |= some
		}
	}
	return k, nil
}

func parseKind(name string) (Kinds, error) {
	switch name {
	case "all":
		return All, nil
	case "":
		return 0, nil
	}
	for i, n := range names {
		if n == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q; the kinds are %s", name, strings.Join(names, ", "))
}
