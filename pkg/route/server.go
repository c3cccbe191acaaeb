package route

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// server is the Database of a node.
type server struct {
	cfg    *config.Config
	db     *mysqldb.DB
	tables *schema.Tables
	marker Marker
	stream *version.Stream
}

func (s *server) Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error {
	return s.stream.Write(ctx, s.db, rows, func(tx mysqldb.Tx, w *version.Writing) error { return f(&session{s, tx}, w) })
}

func (s *server) In(ctx context.Context, f func(Tx) error) error {
	return mysqldb.InTx(ctx, s.db, func(tx mysqldb.Tx) error { return f(&session{s, tx}) })
}

func (s *server) Token() int64 { return s.stream.Token(1) }

func (s *server) Visible(ctx context.Context) (int64, error) { return s.stream.Visible(ctx) }

func (s *server) Labels(ctx context.Context) (map[uint32]Text, error) {
	labels := map[uint32]Text{}
	return labels, mysqldb.Each(ctx, s.db, `SELECT id, table_name, label FROM sync_labels`, nil, func(rows *sql.Rows) error {
		var id uint32
		var l Text
		err := rows.Scan(&id, &l.Root, &l.Values)
		labels[id] = l
		return err
	})
}

func (s *server) Label(ctx context.Context, l Text) (uint32, error) {
	res, err := s.db.ExecContext(ctx, `INSERT INTO sync_labels (table_name, label) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)`, l.Root, []byte(l.Values))
	if err != nil {
		return 0, fmt.Errorf("record a label of %s: %w", l.Root, err)
	}
	n, err := res.LastInsertId()
	return uint32(n), err
}

func (s *server) Routes(ctx context.Context) (map[string]Labelled, error) {
	routes := map[string]Labelled{}
	return routes, mysqldb.Each(ctx, s.db, `SELECT table_name, route, last_key IS NOT NULL, finished, had FROM sync_routes`, nil, func(rows *sql.Rows) error {
		var table string
		var l Labelled
		err := rows.Scan(&table, &l.Route, &l.Begun, &l.Finished, &l.Had)
		routes[table] = l
		return err
	})
}

func (s *server) Begin(ctx context.Context, table, route string, had []byte) error {
	_, err := s.db.ExecContext(ctx, `REPLACE INTO sync_routes (table_name, route, had) VALUES (?, ?, ?)`, table, route, had)
	return err
}

func (s *server) Had(ctx context.Context, table string, had []byte) error {
	_, err := s.db.ExecContext(ctx, `UPDATE sync_routes SET had = ? WHERE table_name = ?`, had, table)
	return err
}

func (s *server) Again(ctx context.Context, table string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE sync_routes SET finished = 0, last_key = NULL WHERE table_name = ?`, table)
	return err
}

func (s *server) Unrouted(ctx context.Context, table string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM sync_routes WHERE table_name = ?`, table)
	return err
}

func (s *server) Unlabelled(ctx context.Context, table string, limit int) ([]change.Row, error) {
	t, err := s.tables.Fresh(ctx, table)
	if err != nil {
		return nil, err
	}
	var last []byte
	if err := s.db.QueryRowContext(ctx, `SELECT last_key FROM sync_routes WHERE table_name = ?`, table).Scan(&last); err != nil {
		return nil, fmt.Errorf("read how far %s is labelled: %w", table, err)
	}
	keys, err := snapshot.Keys(ctx, s.db, t, snapshot.Range{After: last}, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: table, Key: string(k)}
	}
	return rows, s.tables.Identify(ctx, rows)
}

func (s *server) Sent(ctx context.Context, table string) (sent []string, err error) {
	return sent, s.db.SelectContext(ctx, &sent, `SELECT remote FROM sync_snapshots WHERE table_name = ?`, table)
}

func (s *server) Request(ctx context.Context, remotes []string, table string) error {
	return snapshot.Request(ctx, s.db, remotes, table, snapshot.Missing, "")
}

func (s *server) Moved(ctx context.Context, limit int) (list []Moved, err error) {
	err = mysqldb.Each(ctx, s.db, `SELECT table_name, row_id, row_key, id FROM sync_moves ORDER BY id LIMIT ?`, []any{limit}, func(rows *sql.Rows) error {
		var table, id string
		var key []byte
		var m Moved
		err := rows.Scan(&table, &id, &key, &m.ID)
		m.Row = change.Stored(table, id, key)
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_moves: %w", err)
	}
	return list, nil
}

func (s *server) Followed(ctx context.Context, list []Moved) error {
	ids := make([]any, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	_, err := s.db.ExecContext(ctx, `DELETE FROM sync_moves WHERE id IN (`+mysqldb.List(len(ids))+`)`, ids...)
	return err
}

// Referring also finds rows that spell their parent's key differently.
func (s *server) Referring(ctx context.Context, parents []change.Row, child, after string, limit int) ([]change.Row, error) {
	above, err := s.tables.Table(ctx, parents[0].Table)
	if err != nil {
		return nil, err
	}
	t, err := s.tables.Table(ctx, child)
	if err != nil {
		return nil, err
	}
	f, err := reference(t, above.Name)
	if err != nil {
		return nil, err
	}
	rows, err := s.referring(ctx, above, t, f, parents, after, limit)
	if err != nil {
		return nil, err
	}
	return rows, s.tables.Identify(ctx, rows)
}

func (s *server) Reroutings(ctx context.Context, after uint64, limit int) (list []Rerouting, err error) {
	err = mysqldb.Each(ctx, s.db, `SELECT id, table_name, changed, last_id, marked FROM sync_reroutes WHERE id > ? ORDER BY id LIMIT ?`, []any{after, limit}, func(found *sql.Rows) error {
		var j Rerouting
		err := found.Scan(&j.ID, &j.Table, &j.Changed, &j.Last, &j.Marked)
		list = append(list, j)
		return err
	})
	return list, err
}

func (s *server) Queued(ctx context.Context, remote string, most int) (n int, err error) {
	return n, s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_outbox WHERE remote = ? AND state = 'ready' LIMIT ?) q`, remote, most)
}

func (s *server) Versions(ctx context.Context, table string, after []byte, limit int) (list []change.Row, err error) {
	err = mysqldb.Each(ctx, s.db, `SELECT row_id, row_key FROM sync_versions WHERE table_name = ? AND row_id > ? ORDER BY row_id LIMIT ?`, []any{table, after, limit}, func(found *sql.Rows) error {
		var id string
		var key []byte
		err := found.Scan(&id, &key)
		list = append(list, change.Stored(table, id, key))
		return err
	})
	return list, err
}

// session is a transaction of a server.
type session struct {
	*server
	tx mysqldb.Tx
}

func (x *session) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	return version.Read(ctx, x.tx, rows)
}

func (x *session) Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	return version.Fates(ctx, x.tx, rows)
}

func (x *session) Labels(ctx context.Context, rows []change.Row) (map[change.Row]uint32, error) {
	return version.Labels(ctx, x.tx, rows)
}

func (x *session) Values(ctx context.Context, table string, keys []string) (map[string][]*string, error) {
	t, err := x.tables.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	return x.values(ctx, x.tx, t, keys)
}

func (x *session) Marked(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]bool, error) {
	return marked(ctx, x.tx, remote, table, rows)
}

func (x *session) Mark(ctx context.Context, rows []change.Row, remote string) error {
	return x.marker.Mark(ctx, x.tx, rows, remote)
}

func (x *session) MarkLost(ctx context.Context, rows []change.Row, remote string) error {
	return x.marker.MarkLost(ctx, x.tx, rows, remote)
}

func (x *session) Write(ctx context.Context, entries []version.Entry) error {
	return version.Write(ctx, x.tx, entries)
}

func (x *session) Relabel(ctx context.Context, rows []change.Row, label uint32) error {
	args := []any{label, rows[0].Table}
	for _, row := range rows {
		args = append(args, []byte(row.ID()))
	}
	_, err := x.tx.ExecContext(ctx, `UPDATE sync_versions SET label = ? WHERE table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)`, args...)
	if err != nil {
		return fmt.Errorf("take rows of %s from all remotes: %w", rows[0].Table, err)
	}
	return nil
}

func (x *session) Move(ctx context.Context, rows []change.Row) error {
	args := make([]any, 0, 3*len(rows))
	for _, row := range rows {
		args = append(args, row.Table, []byte(row.ID()), []byte(row.Key))
	}
	_, err := x.tx.ExecContext(ctx, `REPLACE INTO sync_moves (table_name, row_id, row_key) VALUES `+mysqldb.Groups(len(rows), 3), args...)
	if err != nil {
		return fmt.Errorf("record that rows have moved: %w", err)
	}
	return nil
}

func (x *session) Reached(ctx context.Context, table, key string) error {
	_, err := x.tx.ExecContext(ctx, `UPDATE sync_routes SET last_key = ? WHERE table_name = ?`, []byte(key), table)
	return err
}

func (x *session) Finish(ctx context.Context, table string) error {
	_, err := x.tx.ExecContext(ctx, `UPDATE sync_routes SET finished = 1, had = NULL WHERE table_name = ?`, table)
	return err
}

func (x *session) Reroute(ctx context.Context, j *Rerouting) error {
	id := any(nil) // the next
	if j.ID > 0 {
		id = j.ID
	}
	_, err := x.tx.ExecContext(ctx, `REPLACE INTO sync_reroutes (id, table_name, changed, last_id, marked) VALUES (?, ?, ?, ?, ?)`, id, j.Table, j.Changed, append([]byte{}, j.Last...), j.Marked)
	return err
}

func (x *session) Rerouting(ctx context.Context, table string) (found bool, err error) {
	err = mysqldb.Each(ctx, x.tx, `SELECT 1 FROM sync_reroutes WHERE table_name = ? LIMIT 1`, []any{table}, func(*sql.Rows) error { found = true; return nil })
	return found, err
}

func (x *session) Rerouted(ctx context.Context, j *Rerouting, end bool) error {
	if end {
		_, err := x.tx.ExecContext(ctx, `DELETE FROM sync_reroutes WHERE id = ?`, j.ID)
		return err
	}
	_, err := x.tx.ExecContext(ctx, `UPDATE sync_reroutes SET last_id = ?, marked = ? WHERE id = ?`, j.Last, j.Marked, j.ID)
	return err
}
