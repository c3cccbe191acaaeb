package apply

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// errTied says that rows of a transaction are in each other's way, by foreign or unique keys: they have to be
// considered together.
var errTied = errors.New("too many rows depend on this one, or it on them, to be handled together")

// Wait says what a change waits for. It is the error of a Result with Retry set.
type Wait struct {
	text string
	told string // what its sender is told; "" means text
	// needs are what it waits for. A row without a key stands for any row of its table.
	needs []change.Row
	// refer are rows that refer to the change's row and would be orphaned. If more is set, there are others.
	refer []change.Row
	more  bool
	taken bool // it needs a unique value that another row has
	// stuck is set if it waits for nothing that could arrive, only for a lock or a table; see stuck.
	stuck bool
}

func (w *Wait) Error() string { return w.text }

// Told is what the change's sender is told: it does not name other rows.
func (w *Wait) Told() string { return cmp.Or(w.told, w.text) }

// Taken reports whether an error of a Result says that another row has a unique value: it resolves itself only if that
// row gives the value up.
func Taken(err error) bool {
	var w *Wait
	return errors.As(err, &w) && w.taken || mysqldb.Duplicate(err)
}

// IsStuck reports whether an error of a Result says that a lock, or a table that cannot be written now, stops the
// change: its row is not at fault, and is retried as long as it takes.
func IsStuck(err error) bool {
	var w *Wait
	return errors.As(err, &w) && w.stuck
}

// barred is the error of a transaction that some of its changes cannot be part of. It is rolled back, and repeated
// without those that wait, or because something was decided.
type barred struct {
	waits   map[change.Row]*Wait
	decided bool
}

func (b *barred) Error() string {
	for r, w := range b.waits {
		return fmt.Sprintf("row of %s: %s", r.Table, w.text)
	}
	return "decided again"
}
