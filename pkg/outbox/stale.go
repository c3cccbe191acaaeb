package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Stale are rows of a table that sync_status shows as refused by a remote, and that nothing will resend: none of them
// is marked.
type Stale struct {
	Remote, Table string
	Rows          int
	Message       string // of one of them
}

// Bounds of what Stale reads. Promise 10.
const (
	staleChunk = 10_000
	staleMost  = 10_000 // errors
	staleMarks = 50_000 // of a table that has some
)

// Stale returns the rows that sync_status shows as refused by one of the remotes and that are not marked. It scans the
// whole table, in parts, within a time limit; whole is false if it did not reach the end, or if there were too many to
// return.
func (o *Outbox) Stale(ctx context.Context, remotes []string, most time.Duration) (list []Stale, whole bool, err error) {
	if len(remotes) == 0 {
		return nil, true, nil
	}
	errs, whole, err := o.shownErrors(ctx, remotes, most)
	if err != nil || len(errs) == 0 {
		return nil, whole, err
	}
	type pair struct{ remote, table string }
	byTable := map[pair][]shownError{}
	for _, e := range errs {
		byTable[pair{e.remote, e.table}] = append(byTable[pair{e.remote, e.table}], e)
	}
	for x, errs := range byTable {
		marked, all, err := o.markedIDs(ctx, x.remote, x.table)
		if err != nil {
			return nil, false, err
		}
		if !all {
			whole = false
			continue
		}
		errs = slices.DeleteFunc(errs, func(e shownError) bool { return marked[e.id] })
		if errs, err = o.stillShown(ctx, errs); err != nil { // a node may have sent them meanwhile
			return nil, false, err
		}
		if len(errs) > 0 {
			list = append(list, Stale{x.remote, x.table, len(errs), errs[0].message})
		}
	}
	slices.SortFunc(list, func(a, b Stale) int { return strings.Compare(a.Remote+"\n"+a.Table, b.Remote+"\n"+b.Table) })
	return list, whole, nil
}

// shownError is a row that sync_status shows as refused.
type shownError struct{ id, remote, table, message string }

func (o *Outbox) shownErrors(ctx context.Context, remotes []string, most time.Duration) (list []shownError, whole bool, err error) {
	args := make([]any, len(remotes))
	for i, r := range remotes {
		args[i] = r
	}
	for after, begun := "", time.Now(); after != "~"; {
		if time.Since(begun) > most || len(list) >= staleMost {
			return list, false, nil
		}
		var upTo string
		err := o.db.GetContext(ctx, &upTo, `SELECT id FROM sync_status WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?`, after, staleChunk)
		if errors.Is(err, sql.ErrNoRows) {
			upTo, err = "~", nil // after all, which are hexadecimal
		}
		if err == nil {
			err = o.each(ctx, func(r *sql.Rows) error {
				var e shownError
				err := r.Scan(&e.id, &e.remote, &e.table, &e.message)
				list = append(list, e)
				return err
			}, `SELECT id, remote, table_name, COALESCE(message, '') FROM sync_status WHERE id > ? AND id <= ? AND status = 'error' AND remote IN (`+mysqldb.List(len(args))+`)`, append([]any{after, upTo}, args...)...)
		}
		if err != nil {
			return nil, false, fmt.Errorf("read sync_status: %w", err)
		}
		after = upTo
	}
	return list, true, nil
}

// markedIDs returns the ids in sync_status of the rows of a table that are marked for a remote.
func (o *Outbox) markedIDs(ctx context.Context, remote, table string) (ids map[string]bool, all bool, err error) {
	ids = map[string]bool{}
	var rows []change.Row
	err = o.each(ctx, func(r *sql.Rows) error {
		var id string
		var key []byte
		err := r.Scan(&id, &key)
		rows = append(rows, change.Stored(table, id, key))
		return err
	}, `SELECT row_id, row_key FROM sync_outbox WHERE remote = ? AND table_name = ? LIMIT ?`, remote, table, staleMarks)
	if err != nil {
		return nil, false, fmt.Errorf("read the outbox of %s: %w", remote, err)
	}
	for _, r := range rows {
		ids[StatusID(table, o.namer.ID(ctx, r), remote)] = true
	}
	return ids, len(rows) < staleMarks, nil
}

// stillShown returns those that are still shown as refused.
func (o *Outbox) stillShown(ctx context.Context, list []shownError) (still []shownError, err error) {
	for part := range slices.Chunk(list, 1000) {
		args := make([]any, len(part))
		for i, e := range part {
			args[i] = e.id
		}
		now := map[string]bool{}
		err := o.each(ctx, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			now[id] = true
			return err
		}, `SELECT id FROM sync_status WHERE status = 'error' AND id IN (`+mysqldb.List(len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read sync_status: %w", err)
		}
		still = append(still, slices.DeleteFunc(slices.Clone(part), func(e shownError) bool { return !now[e.id] })...)
	}
	return still, nil
}
