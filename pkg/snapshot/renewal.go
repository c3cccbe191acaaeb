package snapshot

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Renewal is rows that a remote is sent again, as if they had been written when that was requested.
type Renewal struct {
	Remote  string
	Origin  string // of the node's own writes
	Since   int64  // the stream's end when it was requested
	Written int64  // then, µs since 1970
	// Transformed says that the rows are changed on their way: what the remote wrote last itself does not go back to it.
	Transformed bool
}

// Rows is a transaction in which rows are renewed: on a server or, in a simulation, in memory.
type Rows interface {
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	// Since returns the IDs of the rows that got versions here which go to the remote by the stream, and of those that
	// were deleted in their versions.
	Since(ctx context.Context, r *Renewal, rows []change.Row) (streamed, deleted map[string]bool, err error)
	// There returns those of the rows that exist.
	There(ctx context.Context, rows []change.Row) ([]change.Row, error)
	Write(ctx context.Context, entries []version.Entry) error
	Mark(ctx context.Context, rows []change.Row, remote string) error
}

// Renew gives rows new versions. They are marked for the remote that should get the table, and the stream has them for
// all others: one that held the previous version would otherwise take this one for its rival, or write one that loses
// to it. Being recorded as received from the remote keeps the stream from sending it the same again. Rows that have got
// a version here since the snapshot was requested, for example by another remote's, need no other: each remote gets
// each row once. Promise 3.
//
// The rows were read before they were latched. A row whose delete was recorded meanwhile is left alone: a new version
// would say that it exists. Promise 2.
func (r *Renewal) Renew(ctx context.Context, in Rows, rows []change.Row, positions func(n int) int64) error {
	states, err := in.States(ctx, rows)
	if err != nil {
		return err
	}
	if r.Transformed {
		rows = slices.DeleteFunc(slices.Clone(rows), func(row change.Row) bool { return states[row].Version.Author() == r.Remote })
	}
	streamed, deleted, err := in.Since(ctx, r, rows)
	if err != nil {
		return err
	}
	var next, doubtful []change.Row
	for _, row := range rows {
		switch id := row.ID(); {
		case streamed[id]:
		case deleted[id]: // it may have been inserted again, and not been recorded yet
			doubtful = append(doubtful, row)
		default:
			next = append(next, row)
		}
	}
	if len(doubtful) > 0 {
		there, err := in.There(ctx, doubtful)
		if err != nil {
			return err
		}
		next = append(next, there...)
	}
	if len(next) == 0 {
		return nil
	}
	entries := make([]version.Entry, len(next))
	first := positions(len(next))
	for i, row := range next {
		entries[i] = version.Entry{Row: row, State: conflict.Next(states[row], r.Written, r.Origin), Position: first + int64(i), From: r.Remote, Fate: version.There}
	}
	if err := in.Write(ctx, entries); err != nil {
		return err
	}
	return in.Mark(ctx, next, r.Remote)
}

// renewing is a transaction of a server; its rows are of one table.
type renewing struct {
	tx     mysqldb.Tx
	table  *schema.Table
	marker Marker
}

func (x *renewing) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	return version.Read(ctx, x.tx, rows)
}

func (x *renewing) Since(ctx context.Context, r *Renewal, rows []change.Row) (streamed, deleted map[string]bool, err error) {
	return outbox.WrittenSince(ctx, x.tx, x.table.Name, rows, r.Since, r.Origin, r.Remote)
}

func (x *renewing) There(ctx context.Context, rows []change.Row) ([]change.Row, error) {
	keys := func(yield func(string) bool) {
		for i := 0; i < len(rows) && yield(rows[i].Key); i++ {
		}
	}
	var q mysqldb.Statement
	if err := x.table.AddSelect(&q, x.table.KeyExpr(""), keys, ""); err != nil {
		return nil, err
	}
	var found []string
	err := q.Query(ctx, x.tx, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		found = append(found, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", x.table.Name, err)
	}
	wanted, err := x.table.Wanted(ctx, x.tx, rows, found)
	if err != nil {
		return nil, err
	}
	var there []change.Row
	for _, key := range found {
		if row, ok := wanted[key]; ok {
			there = append(there, row)
		}
	}
	return there, nil
}

func (x *renewing) Write(ctx context.Context, entries []version.Entry) error {
	return version.Write(ctx, x.tx, entries)
}

func (x *renewing) Mark(ctx context.Context, rows []change.Row, remote string) error {
	return x.marker.Mark(ctx, x.tx, rows, remote)
}

func (x *renewing) Advance(ctx context.Context, r Reached) error { return advance(ctx, x.tx, r) }
