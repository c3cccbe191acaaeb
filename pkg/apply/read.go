package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// decide locks the rows, then reads what the node knows of them, then plans: in any other order, a local write committed
// in between would be lost. Promise 3.
//
// Depending on the manner, a row that someone has locked is an error, or is left out of the groups and set aside, or is
// waited for.
func (a *Applier) decide(ctx context.Context, tx Tx, groups []*group, m manner) ([]Step, error) {
	n := 0
	for _, g := range groups {
		n += len(g.in)
	}
	all := make([]Step, 0, n)
	scripts := a.scripts(groups)
	for _, g := range groups {
		if m&skipping != 0 {
			if err := a.skipLocked(ctx, tx, g); err != nil {
				return nil, stuckIn(g.table.Name, err)
			}
			if len(g.in) == 0 {
				continue
			}
		}
		locals, states, err := look(ctx, tx, g, m)
		if err != nil {
			return nil, stuckIn(g.table.Name, err)
		}
		if m&skipping != 0 {
			n := len(g.in)
			err := a.skipEntries(ctx, tx, g, locals)
			if err == nil {
				err = a.skipParents(ctx, tx, g, locals)
			}
			if err == nil { // after the first error, do not wait for more
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
		fates, err := tx.Fates(ctx, missing(g, locals, states))
		if err != nil {
			return nil, err
		}
		a.hearAbove(g)
		tokens, err := tx.Tokens(ctx, g.tokened())
		if err != nil {
			return nil, err
		}
		foreign, err := g.foreign(ctx, tx)
		if err != nil {
			return nil, err
		}
		now, unready := a.wall(), 0
		for i, in := range g.in {
			l := locals[in.Key]
			if l == nil {
				l = &Local{}
			}
			g.tasks[i].exists = l.Exists
			l.State, l.Fate = conflict.Believed(states[in.Row], now), fates[in.Row]
			l.Token = tokens[in.Row]
			s := Plan(g.table, in, *l, now, a.Origin, g.policy)
			switch {
			case in.Withdrawn && a.routes(in.Table) && !a.Routes.All(in.From, in.Table):
				s = refused(in, *l, errRouter)
			case foreign[in] && !a.WriteAny && s.Decision != conflict.Known && (l.Exists || l.Fate != version.Deleted): // a deleted row's key is free
				s = refused(in, *l, errNotTheirs)
			}
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
			if s.Decision.Conflict() && s.policy == conflict.MergeColumns {
				if err := s.join(g.table, *l, g.policy); err != nil && len(g.policy.Counters) > 0 {
					s = refused(in, *l, fmt.Errorf("columns cannot be merged: %w", err)) // one of the rows would drop what the other counted
				} else if err != nil {
					a.log.Warn("columns cannot be merged; the later version wins", zap.String("table", in.Table), zap.String("id", change.Shown(in.Key)), zap.Error(err))
					s.policy = conflict.LastWriteWins
				}
			}
			unseen := foreign[in] || a.Doubtful != nil && a.Doubtful(in.Table) // even if the change knows the row's version
			if s.Decision == conflict.Apply && l.Exists && unseen {
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

// errLeft means that changes were left out whose rows are already locked. Whoever holds what they need may want those
// rows, and must not wait for them. So the locks are released, and the other changes are tried without these.
var errLeft = errors.New("some rows are set aside that are locked")

// leaveMissing leaves out changes of a group that insert rows.
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

// errNotTheirs is why a change is refused if its sender does not have the row.
var errNotTheirs = errors.New("the row there is another site's (routes), so this one may not change it")

// errRouter is why the node that decides who has a row does not give it back.
var errRouter = errors.New("this node routes the table, and gives no row of it back")

// refused is the step for a refused change.
func refused(in *Incoming, l Local, why error) Step {
	return Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, in.State}, noticed: noticed{misfit: why}}
}

// foreign returns the changes to rows that their senders do not have.
func (g *group) foreign(ctx context.Context, tx Tx) (map[*Incoming]bool, error) {
	bySender := map[string][]change.Row{}
	for _, in := range g.in {
		if !in.Withdrawn {
			bySender[in.From] = append(bySender[in.From], in.Row)
		}
	}
	var foreign map[*Incoming]bool
	for _, sender := range slices.Sorted(maps.Keys(bySender)) {
		theirs, err := tx.NotTheirs(ctx, sender, g.table.Name, bySender[sender])
		if err != nil {
			return nil, err
		}
		for _, in := range g.in {
			if in.From == sender && theirs[in.Row] {
				if foreign == nil {
					foreign = map[*Incoming]bool{}
				}
				foreign[in] = true
			}
		}
	}
	return foreign, nil
}

// tokened returns the rows of the changes that have a token: they say who has the row.
func (g *group) tokened() (rows []change.Row) {
	for _, in := range g.in {
		if in.Token != 0 {
			rows = append(rows, in.Row)
		}
	}
	return rows
}

// missing returns the rows that changes would bring or withdraw, and that do not exist here although the node has
// versions of them.
func missing(g *group, locals map[string]*Local, states map[change.Row]change.State) []change.Row {
	var rows []change.Row
	for _, in := range g.in {
		if l := locals[in.Key]; (l == nil || !l.Exists) && (!in.Deleted() || in.Withdrawn) && !states[in.Row].Version.IsZero() {
			rows = append(rows, in.Row)
		}
	}
	return rows
}

// look locks the rows and reads what the node knows of them. A missing row cannot be locked: if it has local changes, a
// user may have inserted it since. Then everything is read again, until no more changes appear.
//
// In a first attempt rows of which only missing ones are wanted, as those of a table's first transfer, probably do not exist.
func look(ctx context.Context, tx Tx, g *group, m manner) (map[string]*Local, map[change.Row]change.State, error) {
	rows := make([]change.Row, len(g.in))
	for i, in := range g.in {
		rows[i] = in.Row
	}
	unseen := m == plain && !slices.ContainsFunc(g.in, func(in *Incoming) bool { return !in.OnlyMissing })
	for before := -1; ; unseen = false {
		tx.Expect(g.table, rows, unseen)
		locals, err := lock(ctx, tx, g, m&waiting != 0)
		if err != nil {
			return nil, nil, err
		}
		states, err := tx.States(ctx, rows)
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

// lock locks the existing rows, in key order, and returns them by key. Their values are read only if a dated change, or
// possibly a conflict, needs them.
func lock(ctx context.Context, tx Tx, g *group, wait bool) (map[string]*Local, error) {
	whole := g.policy.Name == conflict.Script || g.policy.Name == conflict.MergeColumns || slices.ContainsFunc(g.in, func(in *Incoming) bool { return in.Dated })
	locals, err := tx.Lock(ctx, g.table, keys(g.in), whole, wait)
	if err != nil {
		return nil, err
	}
	return g.wanted(ctx, tx, locals)
}

// wanted returns the found rows by the keys of the changes that mean them. A row may be spelled differently here if the
// column's collation considers both spellings equal.
func (g *group) wanted(ctx context.Context, tx Tx, found map[string]*Local) (map[string]*Local, error) {
	rows := make([]change.Row, len(g.in))
	for i, in := range g.in {
		rows[i] = in.Row
	}
	as, err := tx.Wanted(ctx, g.table, rows, slices.Collect(maps.Keys(found)))
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

func keys(ins []*Incoming) []string {
	list := make([]string, len(ins))
	for i, in := range ins {
		list[i] = in.Key
	}
	return list
}

// pending adds the uncaptured changes to the locals.
func pending(ctx context.Context, tx Tx, g *group, locals map[string]*Local) error {
	spelled, err := g.spellings(ctx, tx, locals)
	if err != nil {
		return err
	}
	found, err := tx.Uncaptured(ctx, g.table.Name, slices.Collect(maps.Keys(spelled)))
	if err != nil {
		return err
	}
	for noted, entries := range found {
		key := spelled[noted]
		l := locals[key]
		if l == nil {
			l = &Local{}
			locals[key] = l
		}
		l.Pending = append(l.Pending, entries...)
	}
	return nil
}

// spellings returns the keys under which a local change to a row may have been recorded, each mapped to the key of the
// change that means it: the change's own key, the row's key as spelled here, and the key last recorded.
func (g *group) spellings(ctx context.Context, tx Tx, locals map[string]*Local) (map[string]string, error) {
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
	recorded, err := tx.Keys(ctx, rows)
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

// record writes the versions and removes the replaced local changes. Rows that remotes do not know yet are put at the end
// of the stream.
func (a *Applier) record(ctx context.Context, tx Tx, writing *version.Writing, steps []Step) (news bool, err error) {
	var consumed []capture.Entry
	answers := map[string][]change.Row{}
	var before []change.Row // earlier spellings
	for i := range steps {
		s := &steps[i]
		consumed = append(consumed, s.Consumed...)
		if s.answer && slices.Contains(a.Remotes, s.in.From) && a.Syncs(s.in.Table) {
			answers[s.in.From] = append(answers[s.in.From], s.in.Row)
		}
		if s.Decision.Writes() && s.respells() {
			before = append(before, change.Row{Table: s.in.Table, Key: s.key})
		}
	}
	entries, news := Entries(steps, a.news, writing.Positions)
	recorded := make([]change.Row, len(entries))
	for i := range entries {
		recorded[i] = entries[i].Row
	}
	if err := tx.Respelled(ctx, before, recorded); err != nil {
		return false, err
	}
	if err := tx.Record(ctx, writing, entries); err != nil {
		return false, err
	}
	if err := tx.Consume(ctx, writing, consumed); err != nil {
		return false, err
	}
	for remote, rows := range answers {
		if err := tx.Mark(ctx, rows, remote); err != nil {
			return false, err
		}
	}
	return news || len(answers) > 0, nil
}

// Entries returns the steps' resulting versions, with positions in the stream for those that a remote needs; news says
// whether there are any. Versions already known are left out.
func Entries(steps []Step, needed func(*Step) bool, positions func(n int) int64) (list []version.Entry, news bool) {
	list = make([]version.Entry, 0, len(steps))
	first := int64(0)
	for i := range steps {
		s := &steps[i]
		if s.Decision == conflict.Known && (s.token == 0 || !s.exists && !s.in.Withdrawn || s.misfit != nil) {
			continue
		}
		e := version.Entry{Row: s.row(), State: s.State, Fate: s.fate(), From: s.cameFrom(), Token: s.token}
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

// row is the row as it is now spelled here: a change that is not written does not respell it.
func (s *Step) row() change.Row {
	if s.respells() && !s.Decision.Writes() {
		return change.Row{Table: s.in.Table, Key: s.key}.WithID(s.in.ID())
	}
	return s.in.Row
}

// fate is what became of the row. A local version that stays while the row is missing means that it was deleted.
func (s *Step) fate() version.Fate {
	switch {
	case s.Decision.Writes() && s.in.Withdrawn:
		return version.Withdrawn
	case s.Decision.Writes() && s.in.Deleted() || !s.Decision.Writes() && !s.exists:
		return version.Deleted
	}
	return version.There
}

// news reports whether a remote needs the step's result, or will if it comes back. Promise 1.
func (a *Applier) news(s *Step) bool {
	return a.Syncs(s.in.Table) && (slices.ContainsFunc(a.Remotes, s.News) || slices.ContainsFunc(a.Former, s.News))
}
