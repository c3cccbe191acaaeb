package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// Desk answers requests from a node's own tables. It is safe for concurrent use.
type Desk struct {
	cfg    *config.Config
	db     *mysqldb.DB
	tables *schema.Tables
	outbox *outbox.Outbox
	source capture.Asked
}

// NewDesk returns a Desk; the node's own tables must exist.
func NewDesk(cfg *config.Config, db *mysqldb.DB, tables *schema.Tables, o *outbox.Outbox, source capture.Asked) *Desk {
	return &Desk{cfg, db, tables, o, source}
}

// Known checks the names in a request against the configuration; an empty one matches
// any. The error is an ErrNotFound. Promise 8.
func (d *Desk) Known(remote, table string) error {
	if remote != "" && !slices.Contains(d.cfg.RemoteClients, remote) {
		return Kind(ErrNotFound, fmt.Errorf("%.64q is not in remoteClients", remote))
	}
	if table != "" && !d.cfg.Syncs(table) && !d.cfg.Receives(table) {
		return Kind(ErrNotFound, fmt.Errorf("table %.64q is in neither syncTables nor receiveTables", table))
	}
	return nil
}

// remotes returns the one asked for, or all.
func (d *Desk) remotes(one string) []string {
	if one != "" {
		return []string{one}
	}
	return d.cfg.RemoteClients
}

// MostFind is how many bytes the text of ConflictsAsk.Find may have.
const MostFind = losers.MostFind

// Conflicts returns conflicts, the latest first.
func (d *Desk) Conflicts(ctx context.Context, of ConflictsAsk) ([]Conflict, error) {
	if len(of.Find) > MostFind {
		return nil, Kind(ErrRequest, fmt.Errorf("find: the text has more than %d bytes", MostFind))
	}
	f := losers.Filter{Before: of.Before, Table: of.Table, Row: of.Row, Find: of.Find, Dismissed: of.Dismissed}
	if of.Table != "" && of.Row != "" {
		f.RowID, _ = d.rowOf(ctx, Rows{Table: of.Table, ID: of.Row}) // of a table that is gone, its text is compared
	}
	found, err := losers.List(ctx, d.db, f, of.Limit)
	if err != nil {
		return nil, err
	}
	list := make([]Conflict, len(found))
	for i := range found {
		list[i] = d.shown(ctx, &found[i])
	}
	return list, nil
}

func (d *Desk) shown(ctx context.Context, c *losers.Kept) Conflict {
	id := c.PrimaryKey
	if utf8.RuneCountInString(id) >= losers.MostID { // it may be only the beginning
		if t, err := d.tables.Table(ctx, c.Table); err == nil {
			if whole, err := t.ID(c.Key); err == nil {
				id = whole
			}
		}
	}
	x := Conflict{ID: c.ID, Table: c.Table, Row: id, At: c.At, Policy: c.Policy, Standing: c.PutBack.IsZero(),
		Winner: Version{Origin: author(c.WinnerOrigin), At: time.UnixMicro(c.WinnerTime), Row: c.WinnerRow},
		Loser:  Version{Origin: author(c.LoserOrigin), At: time.UnixMicro(c.LoserTime), Row: c.LoserRow}}
	if !c.PutBack.IsZero() {
		x.PutBack, x.InsertedAs = &c.PutBack, c.InsertedAs
	}
	if !c.Dismissed.IsZero() {
		x.Dismissed = &c.Dismissed
	}
	return x
}

// author is the client of an origin.
func author(origin string) string { return change.Version{Origin: origin}.Author() }

// Conflict returns one conflict, with the row as it is now.
func (d *Desk) Conflict(ctx context.Context, id uint64) (*ConflictNow, error) {
	c, now, err := losers.Look(ctx, d.db, d.tables, id)
	if err != nil {
		return nil, refused(err)
	}
	return &ConflictNow{Conflict: d.shown(ctx, &c), Now: now.Row, Later: now.Later, Seen: now.Seen}, nil
}

// PutBack writes the row that lost a conflict over the current one, which is kept. The triggers record it, and it goes
// out like any write.
func (d *Desk) PutBack(ctx context.Context, conflict uint64, how PutBack) error {
	r := losers.Request{Columns: how.Columns, Seen: how.Seen, Over: how.Over, Origin: d.cfg.ClientName}
	return refused(losers.PutBack(ctx, d.db, d.source, d.tables, conflict, r))
}

// dismissMost is how many conflicts one request may dismiss.
const dismissMost = 1000

// Dismiss has conflicts no longer listed, and returns how many that changed.
func (d *Desk) Dismiss(ctx context.Context, x Dismiss) (int64, error) {
	if n := len(x.Conflicts); n == 0 || n > dismissMost {
		return 0, Kind(ErrRequest, fmt.Errorf("conflicts: name 1 to %d of them", dismissMost))
	}
	return losers.Dismiss(ctx, d.db, x.Conflicts, x.Undo)
}

// KeepBoth inserts the row that lost a conflict under another key, and returns the new row's id.
func (d *Desk) KeepBoth(ctx context.Context, conflict uint64, how KeepBoth) (string, error) {
	id, err := losers.KeepBoth(ctx, d.db, d.tables, conflict, losers.Both{Key: how.Key, Again: how.Again})
	return id, refused(err)
}

// refused gives an error of package losers its kind.
func refused(err error) error {
	switch {
	case errors.Is(err, losers.ErrNoConflict):
		return Kind(ErrNotFound, err)
	case errors.Is(err, losers.ErrLater), errors.Is(err, losers.ErrChanged), errors.Is(err, losers.ErrDecided), errors.Is(err, losers.ErrCannot):
		return Kind(ErrChanged, err)
	}
	return err
}

// Resync records that a table is to be sent to remotes again.
func (d *Desk) Resync(ctx context.Context, r Resync) error {
	if err := d.Known(r.Remote, ""); err != nil {
		return err
	}
	switch {
	case r.Table == "":
		return Kind(ErrRequest, errors.New("table: name the table to send"))
	case !d.cfg.Syncs(r.Table):
		return Kind(ErrNotFound, fmt.Errorf("table %.64q is not in syncTables", r.Table))
	case r.Mode != snapshot.Missing && r.Mode != snapshot.All && r.Mode != "":
		return Kind(ErrRequest, fmt.Errorf("mode: %.40q must be \"missing\" or \"all\"", r.Mode))
	}
	if r.Where != "" {
		// The snapshot would report it only in the log.
		if _, err := d.db.ExecContext(ctx, "SELECT 1 FROM "+mysqldb.Quote(r.Table)+" WHERE ("+r.Where+") LIMIT 0"); err != nil {
			if mysqldb.Number(err) != 0 && !mysqldb.Transient(err) {
				err = Kind(ErrRequest, fmt.Errorf("where: %w", err))
			}
			return err
		}
	}
	return snapshot.Request(ctx, d.db, d.remotes(r.Remote), r.Table, cmp.Or(r.Mode, snapshot.Missing), r.Where)
}
