package diff

import "fmt"

// Guard limits how many rows that are gone at the source a run may delete. Beyond it, nothing is deleted until a person
// approves: an empty table is more often a mistake than intended.
type Guard struct {
	Percent int  // of the rows that the destination has
	Rows    int  // this many may always be deleted
	Off     bool // a person has approved this run's deletes
}

// DefaultGuard is the guard of a job that names none.
var DefaultGuard = Guard{Percent: 20, Rows: 20}

// Allows returns "" if a run that has read rows may delete missing of the known ones, and otherwise why a person has to
// approve it. A source that returns nothing deletes nothing, nor does one with bad rows: these may be the missing ones.
func (g Guard) Allows(read, bad, missing, known int) string {
	switch {
	case missing == 0 || g.Off:
		return ""
	case read == 0:
		return fmt.Sprintf("the source returned no rows: all %d would be deleted", missing)
	case bad > 0:
		return fmt.Sprintf("%d of %d rows are unusable, and %d would be deleted", bad, read, missing)
	case missing > g.Rows && missing*100 > known*g.Percent:
		return fmt.Sprintf("%d of %d rows would be deleted, more than %d and more than %d %%", missing, known, g.Rows, g.Percent)
	}
	return ""
}
