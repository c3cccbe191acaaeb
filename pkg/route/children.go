package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// movesChunk is how many moved rows are processed at a time.
const movesChunk = 100

// moveNext moves the children of the next moved rows.
func (r *Router) moveNext(ctx context.Context) (more bool, err error) {
	known := r.moving.known.Load()
	more, err = r.moveSome(ctx)
	stopped := err != nil && !passing(err)
	over := !more && err == nil && r.moving.done.Swap(known) != known
	if r.moving.stopped.Swap(stopped) != stopped && stopped || over {
		r.told()
	}
	return more || r.moving.are(), err
}

func (r *Router) moveSome(ctx context.Context) (more bool, err error) {
	list, err := r.db.Moved(ctx, movesChunk)
	if err != nil {
		return false, err
	}
	byTable := map[string][]change.Row{}
	for _, m := range list {
		byTable[m.Table] = append(byTable[m.Table], m.Row)
	}
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		for _, child := range r.children(table) {
			err := r.moveChildren(ctx, byTable[table], child)
			if errors.Is(err, schema.ErrUnfit) { // it is labelled as a whole once it can be; other tables go on
				err = r.holdBack(ctx, child)
			}
			if err != nil {
				return false, fmt.Errorf("have rows of %s follow those of %s: %w", child, table, err)
			}
		}
	}
	if len(list) > 0 {
		err = r.db.Followed(ctx, list)
	}
	return len(list) == movesChunk, err
}

// Moving reports whether there may be rows that left remotes, but whose children have not followed yet, or are still being labelled. Rows
// that others follow are not taken from a remote meanwhile: it would have to refuse that as long as it has the children. What cannot go on
// holds up nothing, unless that is only for now, as someone has locked the children.
func (r *Router) Moving() bool {
	if r.moving.are() {
		return true
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for table, route := range r.cfg.Routes {
		if route.Parent != "" && r.busy(table) {
			return true
		}
	}
	return false
}

// labelling reports whether rows are being labelled that follow those of a table.
func (r *Router) labelling(table string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.ContainsFunc(r.followers(table), r.busy)
}

// busy reports whether a table is being labelled, and nothing keeps it from that. The caller holds the lock.
func (r *Router) busy(table string) bool {
	_, failed := r.failed[table]
	return r.cfg.Routed(table) && !r.ready[table] && !failed && !r.moving.unlabelled.Load()
}

// moving counts the transactions in which rows have moved, and those of them whose children have followed.
type moving struct {
	known, done atomic.Int64
	stopped     atomic.Bool // by an error
	unlabelled  atomic.Bool // an error keeps tables from being labelled
}

// more notes a transaction.
func (m *moving) more() { m.known.Add(1) }

// are reports whether children are to follow, and do.
func (m *moving) are() bool { return m.known.Load() != m.done.Load() && !m.stopped.Load() }

// passing reports whether an error is only about locks that others hold for now.
func passing(err error) bool { return mysqldb.LockTimeout(err) || mysqldb.Deadlock(err) }

// moveChildren gives the rows that refer to some rows of a table their current labels, and positions in the stream for the remotes that
// win them: in one transaction if there are few, else with half of those rows at a time.
func (r *Router) moveChildren(ctx context.Context, parents []change.Row, child string) error {
	if len(parents) > 1 {
		rows, err := r.db.Referring(ctx, parents, child, "", r.chunk)
		if err != nil || len(rows) == 0 {
			return err
		}
		if len(rows) < r.chunk {
			return r.relabel(ctx, rows)
		}
		half := len(parents) / 2
		if err := r.moveChildren(ctx, parents[:half], child); err != nil {
			return err
		}
		return r.moveChildren(ctx, parents[half:], child)
	}
	for last := ""; ; {
		rows, err := r.db.Referring(ctx, parents, child, last, r.chunk)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].Key
		if err := r.relabel(ctx, rows); err != nil {
			return err
		}
		if len(rows) < r.chunk {
			return nil
		}
	}
}

// relabel gives rows of a table their current labels, and those that get other ones positions in the stream.
func (r *Router) relabel(ctx context.Context, rows []change.Row) error {
	err := r.db.Write(ctx, rows, func(tx Tx, w *version.Writing) error {
		entries, err := r.entries(ctx, tx, rows)
		if err != nil {
			return err
		}
		if entries, err = r.changed(ctx, tx, rows[0].Table, entries); err != nil || len(entries) == 0 {
			return err
		}
		first := w.Positions(len(entries))
		for i := range entries {
			entries[i].Position = first + int64(i)
		}
		return r.RecordIn(ctx, tx, w, entries)
	})
	if err == nil {
		r.told()
	}
	return err
}

// Relabel has rows of a table go to the remotes that they are routed to, and leave the others, although nobody saw how they were
// written.
func (r *Router) Relabel(ctx context.Context, rows []change.Row) error {
	if len(rows) == 0 || !r.cfg.Routed(rows[0].Table) {
		return nil
	}
	return r.relabel(ctx, rows)
}

// changed returns the entries whose label differs from the recorded one.
func (r *Router) changed(ctx context.Context, tx Tx, table string, entries []version.Entry) ([]version.Entry, error) {
	rows, keys := make([]change.Row, len(entries)), make([]string, len(entries))
	for i := range entries {
		rows[i], keys[i] = entries[i].Row, entries[i].Key
	}
	before, err := tx.Labels(ctx, rows)
	if err != nil {
		return nil, err
	}
	now, err := r.inherited(ctx, tx, table, keys, nil)
	return slices.DeleteFunc(entries, func(e version.Entry) bool { return before[e.Row] == now[e.Key] }), err
}

// inherited returns the labels that a table's rows get, by key, without those of missing rows. A row that follows another
// gets the label recorded for that, or given to it in this transaction, whatever its values are by now: when another one is
// recorded, the row gets that too, but never if the values change back first.
func (r *Router) inherited(ctx context.Context, tx Tx, table string, keys []string, given map[change.Row]uint32) (map[string]uint32, error) {
	if !r.Follows(table) {
		return r.ReadIn(ctx, tx, table, keys)
	}
	parents, err := tx.Parents(ctx, table, keys)
	if err != nil {
		return nil, err
	}
	recorded, err := tx.Labels(ctx, slices.Collect(maps.Values(parents)))
	if err != nil {
		return nil, err
	}
	root := r.cfg.Root(table)
	none, err := r.id(ctx, label{root: root, values: make([]*string, len(r.cfg.Routes[root].Rules))})
	if err != nil {
		return nil, err
	}
	labels := make(map[string]uint32, len(parents))
	for key, parent := range parents {
		labels[key] = cmp.Or(given[parent], recorded[parent], none)
	}
	return labels, nil
}
