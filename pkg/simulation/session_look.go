package simulation

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Lock locks the rows that exist.
func (*session) Expect(*schema.Table, []change.Row, bool) {}

func (x *session) Lock(_ context.Context, _ *schema.Table, keys []string, whole, wait bool) (map[string]*apply.Local, error) {
	n := x.n
	if n.w.mistake == DecideBeforeLock {
		x.early = x.n.uncaptured(keys)
	}
	if n.w.mistake == LogAskBeforeLock {
		w, err := n.written(true)
		if x.asked = w; err != nil {
			return nil, err
		}
	}
	if x.locals != nil && n.w.mistake == LockOnce {
		return x.locals, n.step()
	}
	for {
		if err := n.step(); err != nil {
			return nil, err
		}
		taken := func(key string) bool {
			k := n.w.named(key)
			return n.locks[k] != free && !slices.Contains(x.locked, k)
		}
		if !slices.ContainsFunc(keys, taken) {
			break
		}
		if !wait {
			return nil, errLocked
		}
	}
	locals := map[string]*apply.Local{}
	for _, name := range keys {
		key := n.w.named(name)
		r := x.row(key)
		if x.found[key] = r; !r.exists {
			continue
		}
		if err := x.lock(key); err != nil {
			return nil, err
		}
		locals[name] = &apply.Local{Exists: true}
		if whole {
			locals[name].Values = r.values
		}
	}
	x.locals = locals
	return locals, nil
}

func (x *session) Wanted(_ context.Context, t *schema.Table, rows []change.Row, found []string) (map[string]change.Row, error) {
	return t.Wanted(ctx, nil, rows, found)
}

func (x *session) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	n := x.n
	if err := n.step(); err != nil {
		return nil, err
	}
	states := map[change.Row]change.State{}
	for _, r := range rows {
		v := n.db.versions[n.w.keyOf(r)].State
		came := x.came.now[r]
		switch {
		case n.w.mistake == WithdrawNews && x.withdraws(r):
			v = came[len(came)-1].State
		case n.w.mistake == DecideByArrival && !slices.ContainsFunc(came, func(in *sent) bool { return in.Version == v.Version }):
			continue
		case n.w.mistake == LaterKnowsAll && slices.ContainsFunc(came, func(in *sent) bool { return in.Version.Compare(v.Version) > 0 }):
			continue
		}
		if !v.Version.IsZero() {
			states[r] = v
		}
	}
	return states, nil
}

// withdraws reports whether what came last says that a row is another's.
func (x *session) withdraws(r change.Row) bool {
	came := x.came.now[r]
	return len(came) > 0 && came[len(came)-1].Withdrawn
}

func (x *session) Fates(_ context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	fates := map[change.Row]version.Fate{}
	if len(rows) == 0 {
		return fates, nil
	}
	for _, r := range rows {
		fates[r] = x.n.db.versions[x.n.w.keyOf(r)].fate
	}
	return fates, x.n.step()
}

func (x *session) NotTheirs(_ context.Context, client, table string, rows []change.Row) (map[change.Row]bool, error) {
	if x.n.router == nil {
		return nil, nil
	}
	return x.n.router.NotTheirsIn(ctx, &routeTx{n: x.n}, client, table, rows)
}

func (x *session) Tokens(_ context.Context, rows []change.Row) (map[change.Row]int64, error) {
	tokens := map[change.Row]int64{}
	for _, r := range rows {
		if m := x.n.w.mistake; m == ForgetTokens || m == ForgetWithdrawn && x.withdraws(r) {
			continue
		}
		tokens[r] = x.n.db.versions[x.n.w.keyOf(r)].token
	}
	return tokens, nil
}

func (x *session) Keys(context.Context, []change.Row) (map[change.Row]string, error) { return nil, nil }

func (x *session) Uncaptured(_ context.Context, table string, keys []string) (map[string][]capture.Entry, error) {
	if err := x.n.step(); err != nil {
		return nil, err
	}
	switch n := x.n; {
	case n.source != nil && n.w.mistake == LogAskBeforeLock:
		return n.byKey(n.waiting(table, keys, x.asked))
	case n.source != nil:
		return n.byKey(n.asks(table, keys))
	}
	switch x.n.w.mistake {
	case IgnorePending, DecideByArrival:
		return nil, nil
	case DecideBeforeLock:
		return x.early, nil
	case WithdrawNews:
		keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return x.withdraws(x.n.row(x.n.w.named(key))) })
	}
	return x.n.uncaptured(keys), nil
}

// byKey returns entries by their rows' keys.
func (n *node) byKey(list []capture.Entry, err error) (map[string][]capture.Entry, error) {
	noted := map[string][]capture.Entry{}
	for _, e := range list {
		noted[e.Row.Key] = append(noted[e.Row.Key], e)
	}
	return noted, err
}

// uncaptured returns the rows' local changes in table_changes.
func (n *node) uncaptured(keys []string) map[string][]capture.Entry {
	noted := map[string][]capture.Entry{}
	for _, e := range n.db.changes {
		if r := n.row(e.key); slices.Contains(keys, r.Key) {
			noted[r.Key] = append(noted[r.Key], n.captured(e))
		}
	}
	return noted
}

func (x *session) Values(_ context.Context, t *schema.Table, columns, keys []string) (map[string][][]byte, error) {
	rows := map[string][][]byte{}
	for _, name := range keys {
		r := x.row(x.n.w.named(name))
		if !r.exists {
			continue
		}
		rows[name] = r.values
		if columns == nil {
			continue
		}
		list := make([][]byte, len(columns))
		for i, c := range columns {
			list[i] = r.values[t.Index(c)]
		}
		rows[name] = list
	}
	return rows, x.n.step()
}

func (x *session) Unacked(_ context.Context, client string, rows []change.Row) (map[string]bool, error) {
	unacked := map[string]bool{}
	for _, r := range rows {
		unacked[r.ID()] = x.n.unacked(client, x.n.w.keyOf(r))
	}
	return unacked, x.n.step()
}
