package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
)

// RowAsk names a row.
type RowAsk struct {
	Table string
	ID    string // as sync_status shows it
}

// Row is a row as it is here and at each remote: the answer of GET /api/row.
type Row struct {
	Client string    `json:"client"` // this node
	Table  string    `json:"table"`
	ID     string    `json:"id"`
	Here   RowHere   `json:"here"`
	Sites  []RowSite `json:"sites"`
	// Conflicts are those in which a version of the row lost here, the latest first, at most 20.
	Conflicts []Conflict `json:"conflicts"`

	Key change.Row `json:"-"`
}

// RowHere is a row in this node's database.
type RowHere struct {
	Is         string          `json:"is"`            // there, deleted, withdrawn, vanished, unknown
	Row        json.RawMessage `json:"row,omitempty"` // its columns; long values are cut, and say so
	Written    *Written        `json:"written,omitempty"`
	From       string          `json:"from,omitempty"`       // the client that sent this version; "" is this node
	Uncaptured int             `json:"uncaptured,omitempty"` // writes that wait to be captured
}

// Written is a version of a row.
type Written struct {
	By      string    `json:"by"` // the client that wrote it, or whose row won
	At      time.Time `json:"at"`
	Decided bool      `json:"decided,omitempty"` // a conflict policy made it
}

// WrittenAs is a version as people see it; nil if there is none.
func WrittenAs(v change.Version) *Written {
	if v.IsZero() {
		return nil
	}
	return &Written{By: v.Author(), At: time.UnixMicro(v.Time), Decided: v.IsDecided()}
}

// RowSite is a row at a remote.
type RowSite struct {
	Client string `json:"client"`
	// Is how it compares with the row here: same, differs, missing here, missing there, nowhere, held back, incomparable,
	// "held back, but there"; "" if Error says why it could not be looked at.
	Is      string    `json:"is,omitempty"`
	Error   string    `json:"error,omitempty"`
	NotIts  bool      `json:"notIts,omitempty"`  // the routes do not give it the row
	Pending bool      `json:"pending,omitempty"` // a version of it is on its way
	Written *Written  `json:"written,omitempty"` // as far as the remote tells
	Columns []Differs `json:"columns,omitempty"` // in which it differs, as far as the remote tells
	Refused *RowError `json:"refused,omitempty"` // the remote refused it
}

// Differs is a column in which two rows differ. A value of more than 256 bytes is its SHA-256.
type Differs struct {
	Column string  `json:"column"`
	Here   *string `json:"here"`  // nil: NULL
	There  *string `json:"there"` // nil: NULL
}

// rowConflicts is how many conflicts of a row are shown.
const rowConflicts = 20

// Row returns a row as it is here and at each remote.
func (r *Running) Row(ctx context.Context, of RowAsk) (*Row, error) {
	return ask(ctx, r, func(ctx context.Context, d *opened) (*Row, error) {
		if of.Table == "" {
			return nil, Kind(ErrRequest, errors.New("name a table and the id of a row in it"))
		}
		if err := d.Known("", of.Table); err != nil {
			return nil, err
		}
		row, err := d.Row(ctx, of.Table, of.ID)
		if err == nil {
			err = d.tell(ctx, row)
		}
		return row, err
	})
}

// tell adds what the node's own tables say about a row.
func (d *Desk) tell(ctx context.Context, row *Row) error {
	found, err := losers.Of(ctx, d.db, row.Key, rowConflicts)
	if err != nil {
		return err
	}
	row.Conflicts = make([]Conflict, len(found))
	for i := range found {
		row.Conflicts[i] = d.shown(ctx, &found[i])
	}
	for i := range row.Sites {
		s := &row.Sites[i]
		if !d.cfg.Syncs(row.Table) {
			continue
		}
		list, err := d.refusedOf(ctx, []string{s.Client}, row.Table, row.Key.ID(), 1)
		if err != nil {
			return fmt.Errorf("look for refusals: %w", err)
		}
		if len(list) > 0 {
			s.Refused = &list[0]
		}
	}
	return nil
}
