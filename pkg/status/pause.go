package status

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/paused"
)

// PauseAsk asks for sending to be paused.
type PauseAsk struct {
	Remote  string  `json:"remote,omitempty"`  // "": to all
	Table   string  `json:"table,omitempty"`   // "": of all
	Seconds float64 `json:"seconds,omitempty"` // 0: until it is resumed
	Reason  string  `json:"reason,omitempty"`
	By      string  `json:"-"` // who asks for it from afar
}

// ResumeAsk selects the pauses to end: those of a remote, of a table, or of both; an empty field matches any.
type ResumeAsk struct {
	Remote string `json:"remote,omitempty"`
	Table  string `json:"table,omitempty"`
	// Exactly selects only the pause of what is named: an empty field is all remotes, or all tables.
	Exactly bool `json:"exactly,omitempty"`
}

// Pause records that sending is paused.
func (d *Desk) Pause(ctx context.Context, p PauseAsk) error {
	if err := d.Known(p.Remote, ""); err != nil {
		return err
	}
	if p.Table != "" && !d.cfg.Syncs(p.Table) {
		return Kind(ErrNotFound, fmt.Errorf("table %.64q is not in syncTables: what is received is not paused", p.Table))
	}
	if math.IsNaN(p.Seconds) || math.Abs(p.Seconds) > math.MaxInt64/1e9 {
		return Kind(ErrRequest, fmt.Errorf("seconds: %v is not a valid duration", p.Seconds))
	}
	a := paused.Ask{Remote: p.Remote, Table: p.Table, Reason: p.Reason, By: p.By, For: time.Duration(p.Seconds * float64(time.Second))}
	if err := a.Valid(); err != nil {
		return Kind(ErrRequest, err)
	}
	return paused.Begin(ctx, d.db, a)
}

// Resume ends pauses, and returns them. It also ends those of a remote or a table that are not in the configuration any
// more.
func (d *Desk) Resume(ctx context.Context, of ResumeAsk) ([]Pause, error) {
	ended, err := paused.End(ctx, d.db, of.Remote, of.Table, of.Exactly)
	if err != nil {
		return nil, err
	}
	if len(ended) == 0 {
		return []Pause{}, d.Known(of.Remote, of.Table)
	}
	return pauses(paused.SetOf(ended, nil, nil)), nil
}

// pauses are shown as they are.
func pauses(s paused.Set) []Pause {
	list := make([]Pause, len(s))
	for i, h := range s {
		list[i] = Pause{Remote: h.Remote, Table: h.Table, Along: slices.Clone(h.Along), Began: h.Began, Reason: h.Reason, By: h.By}
		if !h.Until.IsZero() {
			until := h.Until
			list[i].Until = &until
		}
	}
	return list
}
