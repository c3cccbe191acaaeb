package apply

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Held is a change that cannot be applied because rows refer to its row here. What its
// origin did to them is on the way, or the origin did not know them: only the sender
// can tell.
type Held struct {
	change.Row
	Version change.Version
	From    string       // the sender
	Refer   []change.Row // at least some of the rows
}

// Held returns the changes that have waited since before a time for rows that refer to
// theirs, at most limit. It asks nobody and may be called from any goroutine.
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

// Settle says that the sender of a held change has no changes on the way of the rows that
// refer to its row here. The change is tried again, and decided: the row stays for their
// sake, or they go with it. It does nothing for one that is not held any more.
func (a *Applier) Settle(ctx context.Context, h Held) error {
	a.room.mu.Lock()
	x := a.room.rows[h.Identity()]
	if x == nil || x.in.Version != h.Version {
		a.room.mu.Unlock()
		return nil
	}
	x.in.Strangers = make(map[change.Row]struct{}, len(h.Refer))
	for _, r := range h.Refer {
		x.in.Strangers[r] = struct{}{}
	}
	a.room.woken = append(a.room.woken, h.Identity())
	a.room.mu.Unlock()
	return a.follow(ctx)
}
