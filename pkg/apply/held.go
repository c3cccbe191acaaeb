package apply

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Held is a change that cannot be applied because rows here refer to its row. Either what its origin did to them is on
// the way, or the origin did not know them: only the sender can tell.
type Held struct {
	change.Row
	Version change.Version
	From    string       // the sender
	Refer   []change.Row // some of the rows, at least
}

// Held returns at most limit changes that have waited since before the given time for rows that refer to theirs. It does
// not query the database and may be called from any goroutine.
func (a *Applier) Held(before time.Time, limit int) []Held {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	var list []Held
	for _, x := range a.room.rows {
		if len(x.wait.refer) > 0 && x.since.Before(before) && len(list) < limit {
			list = append(list, Held{Row: x.in.Row, Version: x.in.Version, From: x.in.From, Refer: x.wait.refer})
		}
	}
	return list
}

// Settle takes the sender's answer about a held change: for which of the rows that refer to the change's row it has no
// changes on the way. Once those for the others have arrived, with this change or before it, the change is decided.
// Nothing happens if it is no longer held.
func (a *Applier) Settle(ctx context.Context, h Held, strangers []change.Row) error {
	known := slices.Clone(strangers) // needs are keyed by identity
	if err := a.db.Identify(ctx, known); err != nil {
		return err
	}
	a.room.mu.Lock()
	x := a.room.rows[h.Identity()]
	if x == nil || x.in.Version != h.Version {
		a.room.mu.Unlock()
		return nil
	}
	if x.in.Strangers == nil {
		x.in.Strangers = make(map[change.Row]struct{}, len(strangers))
	}
	for _, r := range strangers {
		x.in.Strangers[r] = struct{}{}
	}
	a.room.settle(x, known)
	a.room.mu.Unlock()
	done, err := a.follow(ctx)
	a.tellFreed(done)
	return err
}
