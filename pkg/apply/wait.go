package apply

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// errTied means that rows of a transaction are in each other's way because of foreign or unique keys, and must be
// considered together.
var errTied = errors.New("too many rows depend on this one, or it on them, to be handled together")

// Wait says what a change waits for. It is the error of Results with Retry set.
type Wait struct {
	text string
	told string // what its sender is told; "" means text
	// needs are what it waits for. A row without a key stands for any row of its table.
	needs []change.Row
	// refer are rows that refer to the change's row and would be orphaned. If more is set, there are others.
	refer []change.Row
	more  bool
	taken bool // it needs a unique value that another row has
	// stuck means that it waits for a lock or a table, not for anything that could arrive; see the type stuck.
	stuck bool
}

func (w *Wait) Error() string { return w.text }

// Told is what the change's sender is told. It does not name other rows.
func (w *Wait) Told() string { return cmp.Or(w.told, w.text) }

// Taken reports whether a Result's error means that another row has a unique value: the change goes through only once that
// row gives the value up.
func Taken(err error) bool {
	var w *Wait
	return errors.As(err, &w) && w.taken || mysqldb.Duplicate(err)
}

// IsStuck reports whether a Result's error means that a lock, or a table that cannot be written now, stops the change: its
// row is not at fault, and is retried for as long as it takes.
func IsStuck(err error) bool {
	var w *Wait
	return errors.As(err, &w) && w.stuck
}

// barred is the error of a transaction that some of its changes cannot be part of, or in which something was decided. It
// is rolled back and repeated, without the changes that wait.
type barred struct {
	waits   map[change.Row]*Wait
	decided bool
}

func (b *barred) Error() string {
	for r, w := range b.waits {
		return fmt.Sprintf("row of %s: %s", r.Table, w.text)
	}
	return "a decision requires another attempt"
}
