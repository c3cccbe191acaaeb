package route

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

const (
	chunk      = 500             // rows of one transaction
	lookEvery  = 2 * time.Second // lookup tables are read
	restMost   = time.Second     // between two looks for other work
	queuedMost = 20_000          // rows marked for a remote, beyond which no more are marked
)

// Run labels tables whose route is new, has children follow their parents, and marks rows that remotes win or lose by a
// lookup table, until ctx ends. Errors are logged and retried: how far it got is in the database.
func (r *Router) Run(ctx context.Context) error {
	if len(r.cfg.Routes) == 0 {
		<-ctx.Done()
		return nil
	}
	var looked, told time.Time
	said := ""
	for {
		more, err := false, error(nil)
		for _, step := range []func(context.Context) (bool, error){r.labelNext, r.moveNext, r.rerouteNext} {
			again, failed := step(ctx)
			more, err = more || again, errors.Join(err, failed)
		}
		if now := time.Now(); now.Sub(looked) >= lookEvery {
			looked = now
			err = errors.Join(err, r.lookAgain(ctx))
		}
		if err != nil && ctx.Err() == nil && (said != err.Error() || time.Since(told) > tellEach) {
			said, told = err.Error(), time.Now()
			r.log.Warn("rows could not be routed; retrying", zap.Error(err))
		}
		rest := restMost
		if more && err == nil {
			rest = 0
		}
		if pause.For(ctx, rest) != nil {
			return nil
		}
	}
}

// labelNext labels the next rows of a table whose route is new, parents first.
func (r *Router) labelNext(ctx context.Context) (more bool, err error) {
	var open []string
	for table := range r.cfg.Routes {
		if !r.Ready(table) {
			open = append(open, table)
		}
	}
	if len(open) == 0 {
		return false, nil
	}
	depth := func(table string) (n int) {
		for ; r.cfg.Routes[table].Parent != ""; n++ {
			table = r.cfg.Routes[table].Parent
		}
		return n
	}
	slices.SortFunc(open, func(a, b string) int { return depth(a) - depth(b) })
	var errs []error
	for _, table := range open {
		again, err := r.labelSome(ctx, table)
		if err != nil && mysqldb.Number(err) == 0 && !mysqldb.Transient(err) && ctx.Err() == nil {
			r.tell(table, err) // the others go on without it
			err = nil
		}
		if more, errs = more || again, append(errs, err); again {
			break // its children after it
		}
	}
	return more, errors.Join(errs...)
}

// tellEach is the least time between two log lines about a table that cannot be labelled.
const tellEach = time.Minute

// tell reports that a table cannot be labelled.
func (r *Router) tell(table string, err error) {
	if f := r.failed[table]; f.why == err.Error() && time.Since(f.told) < tellEach {
		return
	}
	r.failed[table] = failure{err.Error(), time.Now()}
	r.log.Warn("a table is held back: it lacks what it is routed by", zap.String("table", table), zap.Error(err))
}

// labelSome labels the next rows of a table.
func (r *Router) labelSome(ctx context.Context, table string) (more bool, err error) {
	t, err := r.tables.Fresh(ctx, table)
	if err != nil {
		return false, err
	}
	if _, err := r.columns(ctx, t); err != nil {
		return false, err
	}
	var last []byte
	if err := r.db.QueryRowContext(ctx, `SELECT last_key FROM sync_routes WHERE table_name = ?`, table).Scan(&last); err != nil {
		return false, fmt.Errorf("read how far %s is labelled: %w", table, err)
	}
	keys, err := snapshot.Keys(ctx, r.db, t, snapshot.Range{After: last}, chunk)
	if err != nil {
		return false, err
	}
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: table, Key: string(k)}
	}
	if err := r.tables.Identify(ctx, rows); err != nil {
		return false, err
	}
	if len(keys) > 0 {
		err = r.stream.Write(ctx, r.db, rows, func(tx mysqldb.Tx, _ *version.Writing) error {
			entries, err := r.entries(ctx, tx, rows)
			if err == nil {
				err = r.Record(ctx, tx, entries)
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE sync_routes SET last_key = ? WHERE table_name = ?`, keys[len(keys)-1], table)
			}
			return err
		})
	}
	if err != nil {
		return false, fmt.Errorf("label rows of %s: %w", table, err)
	}
	if len(keys) == chunk {
		return true, nil
	}
	return true, r.labelled(ctx, table)
}

// entries returns the versions of rows as they are; those that no one has written get one older than any write.
func (r *Router) entries(ctx context.Context, tx mysqldb.Tx, rows []change.Row) ([]version.Entry, error) {
	states, err := version.Read(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	t, err := r.tables.Table(ctx, rows[0].Table)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	there, err := r.Read(ctx, tx, t, keys)
	if err != nil {
		return nil, err
	}
	var list []version.Entry
	for _, row := range rows {
		if _, ok := there[row.Key]; !ok {
			continue // deleted meanwhile
		}
		e := version.Entry{Row: row, State: states[row], Fate: version.There}
		if e.Version.IsZero() {
			e.Version = change.Version{Time: change.Baseline, Origin: r.cfg.ClientName}
		}
		list = append(list, e)
	}
	return list, nil
}

// labelled ends the labelling of a table: remotes that were sent the table before give back what is not theirs, and get
// what they lack.
func (r *Router) labelled(ctx context.Context, table string) error {
	var sent []string
	if err := r.db.SelectContext(ctx, &sent, `SELECT remote FROM sync_snapshots WHERE table_name = ?`, table); err != nil {
		return fmt.Errorf("read who was sent %s: %w", table, err)
	}
	sent = slices.DeleteFunc(sent, func(remote string) bool { return r.All(remote, table) })
	err := mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
		if len(sent) > 0 {
			if err := reroute(ctx, tx, table, rerouting{Not: sent}); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE sync_routes SET finished = 1 WHERE table_name = ?`, table)
		return err
	})
	if err == nil && len(sent) > 0 && r.cfg.InitialSync != snapshot.None {
		err = snapshot.Request(ctx, r.db, sent, table, snapshot.Missing, "")
	}
	if err != nil {
		return fmt.Errorf("end the labelling of %s: %w", table, err)
	}
	r.mu.Lock()
	r.ready[table] = true
	r.mu.Unlock()
	r.log.Info("it is known of all rows of a table who has them", zap.String("table", table))
	r.told()
	return nil
}

// moved is a row whose children follow it.
type movedRow struct {
	change.Row
	id uint64
}

// moveNext has the children of the next rows that have moved follow.
func (r *Router) moveNext(ctx context.Context) (more bool, err error) {
	var list []movedRow
	err = mysqldb.Each(ctx, r.db, `SELECT table_name, row_id, row_key, id FROM sync_moves ORDER BY id LIMIT 100`, nil, func(rows *sql.Rows) error {
		var table, id string
		var key []byte
		var m movedRow
		err := rows.Scan(&table, &id, &key, &m.id)
		m.Row = change.Stored(table, id, key)
		list = append(list, m)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read sync_moves: %w", err)
	}
	for _, m := range list {
		for _, child := range r.children(m.Table) {
			if err := r.moveChildren(ctx, m.Row, child); err != nil {
				return false, fmt.Errorf("have rows of %s follow those of %s: %w", child, m.Table, err)
			}
		}
		if _, err := r.db.ExecContext(ctx, `DELETE FROM sync_moves WHERE id = ?`, m.id); err != nil {
			return false, err
		}
	}
	return len(list) == 100, nil
}

// moveChildren gives the rows of a table that refer to one the labels that they have now, and positions in the stream
// for those who have won them.
func (r *Router) moveChildren(ctx context.Context, parent change.Row, child string) error {
	above, err := r.tables.Table(ctx, parent.Table)
	if err != nil {
		return err
	}
	t, err := r.tables.Table(ctx, child)
	if err != nil {
		return err
	}
	f, err := reference(t, parent.Table)
	if err != nil {
		return err
	}
	for last := ""; ; {
		rows, err := r.referring(ctx, above, t, f, parent.Key, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].Key
		if err := r.tables.Identify(ctx, rows); err != nil {
			return err
		}
		err = r.stream.Write(ctx, r.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
			entries, err := r.entries(ctx, tx, rows)
			if err != nil {
				return err
			}
			if entries, err = r.changed(ctx, tx, t, entries); err != nil || len(entries) == 0 {
				return err
			}
			first := w.Positions(len(entries))
			for i := range entries {
				entries[i].Position = first + int64(i)
			}
			return r.Record(ctx, tx, entries)
		})
		if err != nil {
			return err
		}
		r.told()
		if len(rows) < chunk {
			return nil
		}
	}
}

// changed returns the entries whose label is not the one that is recorded.
func (r *Router) changed(ctx context.Context, tx mysqldb.Tx, t *schema.Table, entries []version.Entry) ([]version.Entry, error) {
	rows, keys := make([]change.Row, len(entries)), make([]string, len(entries))
	for i := range entries {
		rows[i], keys[i] = entries[i].Row, entries[i].Key
	}
	before, err := version.Labels(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	now, err := r.Read(ctx, tx, t, keys)
	return slices.DeleteFunc(entries, func(e version.Entry) bool { return before[e.Row] == now[e.Key] }), err
}

// referring returns the next rows after a key that refer to a parent's row, in the order of their keys.
func (r *Router) referring(ctx context.Context, above, t *schema.Table, f schema.ForeignKey, parent, last string) ([]change.Row, error) {
	var columns, joined string
	for i, name := range f.RefColumns {
		if i > 0 {
			columns, joined = columns+", ", joined+" AND "
		}
		alias := fmt.Sprintf("mysql_sync_r%d", i)
		columns += mysqldb.Quote(name) + " AS " + alias
		joined += "mysql_sync_p." + alias + "=" + mysqldb.Quote(t.Name) + "." + mysqldb.Quote(f.Columns[i])
	}
	args, err := above.KeyArgs(nil, parent)
	if err != nil {
		return nil, err
	}
	where := ""
	if last != "" {
		after, list, err := t.AfterKey(last)
		if err != nil {
			return nil, err
		}
		where, args = " WHERE "+after, append(args, list...)
	}
	var rows []change.Row
	err = mysqldb.Each(ctx, r.db, "SELECT "+t.KeyExpr("")+" FROM (SELECT "+columns+" FROM "+mysqldb.Quote(above.Name)+" WHERE "+above.WhereKeys(1)+") mysql_sync_p JOIN "+
		mysqldb.Quote(t.Name)+" ON "+joined+where+" ORDER BY "+t.KeyColumns()+" LIMIT ?", append(args, chunk), func(found *sql.Rows) error {
		row := change.Row{Table: t.Name}
		err := found.Scan(&row.Key)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// rerouting says which rows of a table are marked for whom.
type rerouting struct {
	Pairs pairs    `json:"pairs,omitempty"` // the labels that each remote has won or lost
	Not   []string `json:"not,omitempty"`   // remotes for which all rows are marked that they do not have
}

func reroute(ctx context.Context, tx mysqldb.Tx, table string, what rerouting) error {
	text, err := json.Marshal(what)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO sync_reroutes (table_name, changed) VALUES (?, ?)`, table, text)
	}
	return err
}

// rerouteNext marks the next rows that remotes have won or lost.
func (r *Router) rerouteNext(ctx context.Context) (more bool, err error) {
	var id uint64
	var table string
	var text, last []byte
	var marked int64
	err = r.db.QueryRowContext(ctx, `SELECT id, table_name, changed, last_id, marked FROM sync_reroutes ORDER BY id LIMIT 1`).Scan(&id, &table, &text, &last, &marked)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	var what rerouting
	if err == nil {
		err = json.Unmarshal(text, &what)
	}
	if err != nil {
		return false, fmt.Errorf("read sync_reroutes: %w", err)
	}
	for _, remote := range append(slices.Collect(maps.Keys(what.Pairs)), what.Not...) {
		var n int
		if err := r.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_outbox WHERE remote = ? AND state = 'ready' LIMIT ?) q`, remote, queuedMost); err != nil {
			return false, err
		}
		if n >= queuedMost {
			return false, nil // Promise 10
		}
	}
	m, rows := moves{marks: map[string][]change.Row{}}, 0
	err = mysqldb.Each(ctx, r.db, `SELECT row_id, row_key, label FROM sync_versions WHERE table_name = ? AND row_id > ? ORDER BY row_id LIMIT ?`, []any{table, last, chunk}, func(found *sql.Rows) error {
		var rowID string
		var key []byte
		var l uint32
		if err := found.Scan(&rowID, &key, &l); err != nil {
			return err
		}
		row := change.Stored(table, rowID, key)
		rows, last = rows+1, []byte(rowID)
		for remote, ids := range what.Pairs {
			if slices.Contains(ids, l) {
				m.mark(remote, row)
			}
		}
		for _, remote := range what.Not {
			if !r.To(table, l, remote) {
				m.mark(remote, row)
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read which rows of %s have other remotes: %w", table, err)
	}
	for _, list := range m.marks {
		marked += int64(len(list))
	}
	err = mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
		if err := r.follow(ctx, tx, &m); err != nil {
			return err
		}
		if rows < chunk {
			_, err := tx.ExecContext(ctx, `DELETE FROM sync_reroutes WHERE id = ?`, id)
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sync_reroutes SET last_id = ?, marked = ? WHERE id = ?`, last, marked, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("mark rows of %s that have other remotes: %w", table, err)
	}
	if rows < chunk {
		r.log.Info("rows are on their way to and from the remotes that a route gives or takes them", zap.String("table", table), zap.Int64("rows", marked))
	}
	r.told()
	return true, nil
}

// lookAgain takes over the lookup tables, and has rows whose remotes change be marked. One that is empty, and was not, is
// more likely a mistake: it is not taken over.
func (r *Router) lookAgain(ctx context.Context) error {
	for _, l := range r.lookups() {
		m, err := r.look(ctx, l)
		if err != nil {
			return err
		}
		if same(r.current()[l], m) {
			continue
		}
		if len(m) == 0 {
			r.log.Warn("a lookup table of the routes has become empty; the remotes keep their rows until it has some again", zap.String("table", l.Table))
			continue
		}
		if err := r.takeOver(ctx, l, m); err != nil {
			return fmt.Errorf("take over the lookup table %s: %w", l.Table, err)
		}
	}
	return nil
}

// takeOver holds up everyone who asks for the remotes of a row, so that what is decided before it can be found by its
// label, and what is decided after it by the new lookup table.
func (r *Router) takeOver(ctx context.Context, l config.RouteLookup, m map[string][]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := maps.Clone(r.looked)
	after[l] = m
	byRoot := map[string]map[uint32]label{}
	for id, x := range r.labels {
		if byRoot[x.root] == nil {
			byRoot[x.root] = map[uint32]label{}
		}
		byRoot[x.root][id] = x
	}
	err := mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
		if err := keep(ctx, tx, l, m); err != nil {
			return err
		}
		for root, labels := range byRoot {
			p := changed(labels, r.cfg.Routes[root].Rules, r.cfg.RemoteClients, r.looked, after)
			if len(p) == 0 {
				continue
			}
			for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
				if r.cfg.Routed(table) && r.cfg.Root(table) == root {
					if err := reroute(ctx, tx, table, rerouting{Pairs: p}); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.looked = after
	clear(r.have)
	r.log.Info("a lookup table of the routes has changed", zap.String("table", l.Table))
	return nil
}

// same reports whether two lookup tables have the same rows.
func same(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)))
	})
}
