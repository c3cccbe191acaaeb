package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// server is the Database of a node.
type server struct {
	*schema.Tables
	db      *mysqldb.DB
	marker  Marker
	source  capture.Asked // of local changes
	stream  *version.Stream
	remotes []string
	routes  Routes
}

func (s *server) Locks() Locks { return Locks{Told: s.db.HasNoWait(), Waits: !s.db.MariaDB} }

func (s *server) Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error {
	return s.stream.Write(ctx, s.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
		return f(&session{server: s, tx: tx, atOnce: s.db.AtOnce(tx)}, w)
	})
}

// session is a server's transaction.
type session struct {
	*server
	tx     mysqldb.Tx
	atOnce mysqldb.Tx // does not wait for locks
	ahead  *ahead
	unseen bool // probably none of the many rows that are decided about exists
	late   bool // writes go with the COMMIT
}

func (x *session) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	if states, ok := x.ahead.takeStates(rows); ok {
		return states, nil
	}
	return version.Read(ctx, x.tx, rows)
}

func (x *session) Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	return version.Fates(ctx, x.tx, rows)
}

func (x *session) Tokens(ctx context.Context, rows []change.Row) (map[change.Row]int64, error) {
	return version.Tokens(ctx, x.tx, rows)
}

func (x *session) Keys(ctx context.Context, rows []change.Row) (map[change.Row]string, error) {
	return version.Keys(ctx, x.tx, rows)
}

func (x *session) Uncaptured(ctx context.Context, table string, keys []string) (map[string][]capture.Entry, error) {
	if q, ok := x.ahead.takeQuestion(table, keys); ok {
		return capture.Answered(ctx, q, table)
	}
	if s, ok := x.source.(capture.Glancer); ok && x.unseen && len(keys) >= manyRows {
		if none, err := s.None(ctx, x.tx, keys); none || err != nil {
			return nil, err
		}
	}
	return capture.Uncaptured(ctx, x.tx, x.source, table, keys)
}

func (x *session) Values(ctx context.Context, t *schema.Table, columns, keys []string) (map[string][][]byte, error) {
	expressions, n := t.KeyExpr("")+", "+t.SelectList(), len(t.Columns)
	if columns != nil {
		list := []string{t.KeyExpr("")}
		for _, name := range columns {
			c, _ := t.Column(name) // the caller has verified that it exists
			list = append(list, c.SelectExpr(mysqldb.Quote(name)))
		}
		expressions, n = strings.Join(list, ", "), len(columns)
	}
	var q mysqldb.Statement
	if err := t.AddSelect(&q, expressions, slices.Values(keys), ""); err != nil {
		return nil, err
	}
	rows := map[string][][]byte{}
	err := q.Query(ctx, x.tx, func(r *sql.Rows) error {
		var key string
		values := make([][]byte, n)
		into := []any{&key}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		rows[key] = values
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	return rows, nil
}

// Unacked checks the places that a change passes through, in that order.
func (x *session) Unacked(ctx context.Context, client string, rows []change.Row) (map[string]bool, error) {
	unacked := map[string]bool{}
	table := rows[0].Table
	keys := make([]string, len(rows))
	byKey := make(map[string]string, len(rows))
	for i, r := range rows {
		keys[i], byKey[r.Key] = r.Key, r.ID()
	}
	uncaptured, err := x.Uncaptured(ctx, table, keys)
	if err != nil {
		return nil, err
	}
	for key := range uncaptured {
		unacked[byKey[key]] = true
	}
	remote := " AND r.remote = " + mysqldb.QuoteString(client)
	for _, place := range []struct{ from, and string }{
		{`SELECT row_id FROM sync_versions v JOIN sync_remotes r ON v.position > ` + outbox.Reached + ` WHERE v.table_name = `, remote + " AND " + outbox.Needed(client)},
		{`SELECT row_id FROM sync_outbox r WHERE table_name = `, remote},
	} {
		var q mysqldb.Statement
		q.SQL(place.from)
		q.Text([]byte(table))
		q.SQL(place.and)
		between := " AND row_id IN ("
		for _, r := range rows {
			q.SQL(between)
			q.Bytes([]byte(r.ID()))
			between = ","
		}
		q.SQL(")")
		err := q.Query(ctx, x.tx, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			unacked[id] = true
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for what %s knows of %s: %w", client, table, err)
		}
	}
	return unacked, nil
}

func (x *session) Keep(ctx context.Context, entries []losers.Entry) error {
	return losers.Record(ctx, x.tx, entries)
}

func (x *session) Record(ctx context.Context, w *version.Writing, entries []version.Entry) error {
	if x.routes != nil {
		return x.routes.Record(ctx, x.tx, w, entries)
	}
	return version.WriteAlike(ctx, x.tx, x.db.RowValue(), entries)
}

func (x *session) Leave(ctx context.Context, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error) {
	return x.routes.Leave(ctx, x.tx, w, table, rows)
}

func (x *session) NotTheirs(ctx context.Context, client, table string, rows []change.Row) (map[change.Row]bool, error) {
	if x.routes == nil {
		return nil, nil
	}
	return x.routes.NotTheirs(ctx, x.tx, client, table, rows)
}

func (x *session) Respelled(ctx context.Context, before, rows []change.Row) error {
	return x.marker.Respelled(ctx, x.tx, before, rows, x.remotes)
}

func (x *session) Consume(ctx context.Context, w *version.Writing, entries []capture.Entry) error {
	return x.source.Consume(ctx, x.tx, w, entries)
}

func (x *session) Mark(ctx context.Context, rows []change.Row, remote string) error {
	return x.marker.Mark(ctx, x.tx, rows, remote)
}
