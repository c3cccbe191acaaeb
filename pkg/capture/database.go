package capture

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Database is where changes are recorded: a server or, in simulations of many nodes, memory.
type Database interface {
	// Write runs a transaction that decides about rows; see version.Stream.Write.
	Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error
}

// Tx is a transaction that takes changes from their Source and records them.
type Tx interface {
	// Consume consumes a batch of the Feed, and may ask then for the States of rows, which are what is asked next.
	Consume(ctx context.Context, b Batch, w *version.Writing, rows []change.Row) error
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	Record(ctx context.Context, w *version.Writing, entries []version.Entry) error
	// Respelled handles, before rows are recorded, those that had another spelling; before has what is known of these.
	Respelled(ctx context.Context, before, rows []change.Row) error
}

// server is the Database of a node.
type server struct {
	db        mysqldb.Beginner
	stream    *version.Stream
	respelled func(ctx context.Context, tx mysqldb.Tx, before, rows []change.Row) error
	record    func(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []version.Entry) error
	ahead     func(ctx context.Context, e version.Entry) (mysqldb.Query, bool)
}

func (s *server) Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error {
	return s.stream.Write(ctx, s.db, rows, func(tx mysqldb.Tx, w *version.Writing) error { return f(&session{server: s, tx: tx}, w) })
}

// session is a transaction of a server.
type session struct {
	*server
	tx     mysqldb.Tx
	rows   []change.Row // whose states were asked when the batch was consumed
	states map[change.Row]change.State
}

func (x *session) Consume(ctx context.Context, b Batch, w *version.Writing, rows []change.Row) error {
	if len(rows) == 0 || len(rows) > version.AskMost {
		return b.Consume(ctx, x.tx, w)
	}
	q, scan, states := version.Ask(rows)
	if err := b.Consume(ctx, x.tx, w, mysqldb.Query{Statement: q, Scan: scan}); err != nil {
		return err
	}
	x.rows, x.states = rows, states
	return nil
}

func (x *session) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	if x.states != nil && slices.Equal(x.rows, rows) {
		return x.states, nil
	}
	return version.Read(ctx, x.tx, rows)
}

func (x *session) Record(ctx context.Context, w *version.Writing, entries []version.Entry) error {
	if x.ahead != nil && len(entries) == 1 {
		if q, ok := x.ahead(ctx, entries[0]); ok {
			mysqldb.Afterwards(x.tx, q)
		}
	}
	if x.record != nil {
		return x.record(ctx, x.tx, w, entries)
	}
	return version.Write(ctx, x.tx, entries)
}

func (x *session) Respelled(ctx context.Context, before, rows []change.Row) error {
	if x.respelled == nil {
		return nil
	}
	return x.respelled(ctx, x.tx, before, rows)
}
