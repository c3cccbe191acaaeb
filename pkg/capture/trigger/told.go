package trigger

import (
	"slices"
	"sync/atomic"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// told is what a Source tells others, as capture.Told.
type told struct {
	trouble atomic.Pointer[error] // of the last check
	denied  atomic.Pointer[[]capture.Denied]
	lacking atomic.Pointer[[]string] // synced tables that are not captured because someone holds them or a parent
}

// How returns that triggers notice the writes.
func (s *Source) How() capture.How { return capture.How{By: config.CaptureTrigger, Instead: s.Instead} }

// Trouble returns why the last check failed.
func (t *told) Trouble() error {
	if err := t.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Denied returns the foreign keys whose triggers the user may not create.
func (t *told) Denied() []capture.Denied {
	if list := t.denied.Load(); list != nil {
		return *list
	}
	return nil
}

// Captures reports whether a synced table's triggers exist, as far as known.
func (t *told) Captures(table string) bool { return !slices.Contains(t.Uncaptured(), table) }

// Uncaptured returns the synced tables whose triggers cannot be created because someone holds them or a parent.
func (t *told) Uncaptured() []string {
	if list := t.lacking.Load(); list != nil {
		return *list
	}
	return nil
}
