package apply

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// decide locks the rows, then reads what the node has of them, then plans: a
// local write that commits in between would be lost in any other order.
// Promise 3.
//
// What somebody has locked is an error, or is left out of the groups and set aside, or
// is waited for, as the manner says.
func (a *Applier) decide(ctx context.Context, tx mysqldb.Tx, groups []*group, m manner) ([]Step, error) {
	n := 0
	for _, g := range groups {
		n += len(g.in)
	}
	all := make([]Step, 0, n)
	scripts := a.scripts(groups)
	locking, locker := a.db.ForUpdate(), a.db.AtOnce(tx)
	if m&waiting != 0 {
		locking, locker = " FOR UPDATE", tx
	}
	for _, g := range groups {
		if m&skipping != 0 {
			if err := a.skipLocked(ctx, tx, g); err != nil {
				return nil, stuckIn(g.table.Name, err)
			}
			if len(g.in) == 0 {
				continue
			}
		}
		locals, states, err := look(ctx, tx, locker, g, locking)
		if err != nil {
			return nil, stuckIn(g.table.Name, err)
		}
		if m&skipping != 0 {
			n := len(g.in)
			err := a.skipEntries(ctx, tx, g, locals)
			if err == nil {
				err = a.skipParents(ctx, tx, g, locals)
			}
			if err == nil { // one that the server has waited for is enough
				err = a.skipUnique(ctx, tx, g)
			}
			if err != nil {
				return nil, stuckIn(g.table.Name, err)
			}
			if len(g.in) < n {
				return nil, errLeft
			}
		}
		if m&(skipping|waiting) == 0 {
			if err := a.askEntries(ctx, tx, g, locals); err != nil {
				return nil, stuckIn(g.table.Name, err)
			}
		}
		if m&present != 0 {
			g.leaveMissing(locals)
		}
		fates, err := version.Fates(ctx, tx, missing(g, locals, states))
		if err != nil {
			return nil, err
		}
		now, unready := change.Micros(a.now()), 0
		for i, in := range g.in {
			l := locals[in.Key]
			if l == nil {
				l = &Local{}
			}
			g.tasks[i].exists = l.Exists
			if len(l.Pending) > 0 {
				l.Written = conflict.Written(l.Written, l.server, now)
			}
			l.State, l.Fate = conflict.Believed(states[in.Row], now), fates[in.Row]
			s := Plan(g.table, in, *l, now, a.Origin, g.policy)
			if s.Decision.Conflict() && s.policy == conflict.Script {
				err := scripts.resolve(ctx, g.table, &s, *l)
				if errors.Is(err, ErrUnready) {
					*g.tasks[i].res = Result{Err: &Wait{text: "waits for its conflict's script: " + err.Error(), told: "waits for the script that resolves its conflict there", stuck: true}, Retry: true}
					unready++
					continue
				}
				if err != nil {
					return nil, err
				}
			}
			if s.Decision == conflict.Apply && l.Exists && a.Doubtful != nil && a.Doubtful(in.Table) {
				s.Decision = conflict.Win // Promise 4
			}
			all = append(all, s)
		}
		if unready > 0 {
			return nil, errLeft
		}
		g.steps = all[len(all)-len(g.in):]
	}
	return all, nil
}

// errLeft says that something was left out whose row is locked already: whoever holds what it
// needs may want that row, and nobody is to wait for what it waits for. It is let go, and the others are tried without it.
var errLeft = errors.New("some rows are set aside that are locked")

// leaveMissing leaves the changes out of a group that insert rows.
func (g *group) leaveMissing(locals map[string]*Local) {
	tasks, ins := g.tasks, g.in
	g.tasks, g.in = nil, nil
	for i, in := range ins {
		if l := locals[in.Key]; in.Deleted() || l != nil && l.Exists {
			g.tasks, g.in = append(g.tasks, tasks[i]), append(g.in, in)
		} else {
			tasks[i].left = true
		}
	}
}

// missing returns the rows that a change would bring, and that are not here though the
// node has versions of them.
func missing(g *group, locals map[string]*Local, states map[change.Row]change.State) []change.Row {
	var rows []change.Row
	for _, in := range g.in {
		if l := locals[in.Key]; (l == nil || !l.Exists) && !in.Deleted() && !states[in.Row].Version.IsZero() {
			rows = append(rows, in.Row)
		}
	}
	return rows
}

// look locks the rows and reads what the node has of them. A row that is not
// there cannot be locked: if local changes of it are found, a user may have
// inserted it since. All is then read again, until no change has come
// meanwhile.
func look(ctx context.Context, tx, locker mysqldb.Tx, g *group, locking string) (map[string]*Local, map[change.Row]change.State, error) {
	rows := make([]change.Row, len(g.in))
	for i, in := range g.in {
		rows[i] = in.Row
	}
	for before := -1; ; {
		locals, err := lock(ctx, tx, locker, g, locking)
		if err != nil {
			return nil, nil, err
		}
		states, err := version.Read(ctx, tx, rows)
		if err != nil {
			return nil, nil, err
		}
		if err := pending(ctx, tx, g, locals); err != nil {
			return nil, nil, err
		}
		found, unlocked := 0, false
		for _, l := range locals {
			found += len(l.Pending)
			unlocked = unlocked || !l.Exists && len(l.Pending) > 0
		}
		if !unlocked || found == before {
			return locals, states, nil
		}
		before = found
	}
}

// lock locks the rows that exist, in the order of their keys, and returns them
// by key. The rows themselves are read only where a dated change is compared
// with them, or a script may be.
func lock(ctx context.Context, tx, locker mysqldb.Tx, g *group, locking string) (map[string]*Local, error) {
	whole := g.policy.Name == conflict.Script || slices.ContainsFunc(g.in, func(in *Incoming) bool { return in.Dated })
	locals, err := lockRows(ctx, locker, g.table, g.in, whole, locking)
	if err != nil {
		return nil, err
	}
	return g.wanted(ctx, tx, locals)
}

// wanted returns the rows that were found by the keys of the changes that mean
// them. A row may be spelled in another way here, where the column's collation
// takes both for one.
func (g *group) wanted(ctx context.Context, tx mysqldb.Tx, found map[string]*Local) (map[string]*Local, error) {
	rows := make([]change.Row, len(g.in))
	for i, in := range g.in {
		rows[i] = in.Row
	}
	as, err := g.table.Wanted(ctx, tx, rows, slices.Collect(maps.Keys(found)))
	if err != nil {
		return nil, err
	}
	locals := make(map[string]*Local, len(found))
	for key, l := range found {
		if r, ok := as[key]; ok {
			l.Key = key
			locals[r.Key] = l
		}
	}
	return locals, nil
}

func lockRows(ctx context.Context, tx mysqldb.Tx, t *schema.Table, ins []*Incoming, whole bool, locking string) (map[string]*Local, error) {
	var q mysqldb.Statement
	expressions := t.KeyExpr("")
	if whole {
		expressions += ", " + t.SelectList()
	}
	if err := t.AddSelect(&q, expressions, keys(ins), locking); err != nil {
		return nil, err
	}
	locals := make(map[string]*Local, len(ins))
	var key string
	into := []any{&key}
	if whole {
		into = make([]any, 1+len(t.Columns))
		into[0] = &key
	}
	err := q.Query(ctx, tx, func(r *sql.Rows) error {
		l := &Local{Exists: true}
		if whole {
			l.Values = make([][]byte, len(t.Columns))
			for i := range l.Values {
				into[i+1] = &l.Values[i]
			}
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		locals[key] = l
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lock rows of %s: %w", t.Name, err)
	}
	return locals, nil
}

// keys goes through the keys of changes.
func keys(ins []*Incoming) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; i < len(ins) && yield(ins[i].Key); i++ {
		}
	}
}

// pending adds to the locals the changes that the triggers have written for
// them and that are not captured yet.
func pending(ctx context.Context, tx mysqldb.Tx, g *group, locals map[string]*Local) error {
	var q mysqldb.Statement
	q.SQL("SELECT id, primary_key, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', date), TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) FROM table_changes WHERE table_name = ")
	q.Text([]byte(g.table.Name))
	spelled, err := g.spellings(ctx, tx, locals)
	if err != nil {
		return err
	}
	var key []byte
	between := " AND primary_key IN ("
	for spelling := range spelled {
		key = append(key[:0], spelling...)
		q.SQL(between)
		q.Bytes(key)
		between = ","
	}
	q.SQL(")")
	err = q.Query(ctx, tx, func(r *sql.Rows) error {
		var id uint64
		var key string
		var written, server int64
		if err := r.Scan(&id, &key, &written, &server); err != nil {
			return err
		}
		noted := key
		key = spelled[key]
		l := locals[key]
		if l == nil {
			l = &Local{}
			locals[key] = l
		}
		l.Pending = append(l.Pending, id)
		if !slices.Contains(l.noted, noted) {
			l.noted = append(l.noted, noted)
		}
		l.Written, l.server = max(l.Written, written), server
		return nil
	})
	if err != nil {
		return fmt.Errorf("read local changes of %s: %w", g.table.Name, err)
	}
	return nil
}

// spellings returns the keys under which the triggers may have noted a row, each with
// that of the change that means it: its own, that of the row as it stands here, and
// that under which it was recorded last.
func (g *group) spellings(ctx context.Context, tx mysqldb.Tx, locals map[string]*Local) (map[string]string, error) {
	spelled := make(map[string]string, len(g.in))
	for _, in := range g.in {
		spelled[in.Key] = in.Key
	}
	if g.table.Spelling() == value.Exact {
		return spelled, nil
	}
	rows := make([]change.Row, len(g.in))
	for i, in := range g.in {
		rows[i] = in.Row
	}
	recorded, err := version.Keys(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	for _, in := range g.in {
		if key, ok := recorded[in.Row]; ok {
			spelled[key] = in.Key
		}
		if l := locals[in.Key]; l != nil && l.Exists {
			spelled[l.Key] = in.Key
		}
	}
	return spelled, nil
}

// record writes the versions and drops the local changes that were replaced. Rows
// that remotes do not know yet go to the end of the stream.
func (a *Applier) record(ctx context.Context, tx mysqldb.Tx, writing *version.Writing, steps []Step) (news bool, err error) {
	var consumed consumed
	answers := map[string][]change.Row{}
	var before []change.Row // earlier spellings
	for i := range steps {
		s := &steps[i]
		consumed.add(s)
		if s.answer && slices.Contains(a.Remotes, s.in.From) && a.Syncs(s.in.Table) {
			answers[s.in.From] = append(answers[s.in.From], s.in.Row)
		}
		if s.Decision.Writes() && s.exists && s.key != s.in.Key {
			before = append(before, change.Row{Table: s.in.Table, Key: s.key})
		}
	}
	entries, news := Entries(steps, a.news, writing.Positions)
	if err := version.Write(ctx, tx, entries); err != nil {
		return false, err
	}
	if err := a.marker.Respelled(ctx, tx, before, a.Remotes); err != nil {
		return false, err
	}
	if err := consumed.drop(ctx, tx); err != nil {
		return false, err
	}
	for remote, rows := range answers {
		if err := a.marker.Mark(ctx, tx, rows, remote); err != nil {
			return false, err
		}
	}
	return news || len(answers) > 0, nil
}

// Entries returns the versions that are held after steps, with a place in the stream where a remote
// needs them, which is news. What was known before is not recorded anew.
func Entries(steps []Step, needed func(*Step) bool, positions func(n int) int64) (list []version.Entry, news bool) {
	list = make([]version.Entry, 0, len(steps))
	first := int64(0)
	for i := range steps {
		s := &steps[i]
		if s.Decision == conflict.Known {
			continue
		}
		e := version.Entry{Row: s.in.Row, State: s.State, Fate: s.fate(), From: s.cameFrom()}
		if needed(s) {
			if first == 0 {
				first = positions(len(steps))
			}
			e.Position, news = first+int64(i), true
		}
		list = append(list, e)
	}
	return list, news
}

// fate is what became of the row: one that won here and is missing was deleted.
func (s *Step) fate() version.Fate {
	if s.Decision.Writes() && s.in.Deleted() || !s.Decision.Writes() && !s.exists {
		return version.Deleted
	}
	return version.There
}

// news reports whether a remote needs what the step leaves.
func (a *Applier) news(s *Step) bool {
	return a.Syncs(s.in.Table) && slices.ContainsFunc(a.Remotes, s.News)
}
