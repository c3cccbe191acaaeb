package simulation

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func (x *session) Referred(_ context.Context, _ *schema.Table, _ schema.ForeignKey, keys []string) (bool, error) {
	if err := x.n.step(); err != nil {
		return false, err
	}
	return slices.ContainsFunc(keys, func(key string) bool { return len(x.with(childrenPlace, []byte(key))) > 0 }), nil
}

// Hold locks the rows that exist.
func (x *session) Hold(_ context.Context, p apply.Place, values []apply.Tuple) ([]bool, error) {
	there := make([]bool, len(values))
	if err := x.n.step(); err != nil {
		return nil, err
	}
	for i, v := range values {
		if x.n.w.mistake == ForgetParents {
			there[i] = true
			continue
		}
		for _, key := range x.with(p, v[0]) {
			if there[i] = true; x.lock(key) != nil {
				return nil, errLocked
			}
		}
	}
	return there, nil
}

func (x *session) Holders(_ context.Context, _ *schema.Table, p apply.Place, values []apply.Tuple) (map[int]string, error) {
	holders := map[int]string{}
	for i, v := range values {
		for _, key := range x.with(p, v[0]) {
			holders[i] = x.n.row(key).Key
		}
	}
	return holders, x.n.step()
}

func (x *session) Orphans(_ context.Context, p apply.Place, ref []string, _ *schema.Table, values []apply.Tuple) (map[int][]change.Row, error) {
	orphans := map[int][]change.Row{}
	for i, v := range values {
		if len(x.with(apply.Place{Table: parents.Name, Columns: ref}, v[0])) > 0 || x.n.w.mistake == ForgetChildren {
			continue
		}
		for _, key := range x.with(p, v[0]) {
			orphans[i] = append(orphans[i], x.n.row(key))
		}
	}
	return orphans, x.n.step()
}

func (x *session) Keep(_ context.Context, entries []losers.Entry) error {
	x.kept = append(x.kept, entries...)
	return x.n.step()
}

func (x *session) Record(_ context.Context, w *version.Writing, entries []version.Entry) error {
	if r := x.n.router; r != nil {
		left := x.routed
		x.routed = x.n.routeTx(entries, x.row, func(list []version.Entry) { x.entries = list })
		if left != nil {
			x.routed.do, x.routed.given = left.do, left.given
		}
		return r.RecordIn(ctx, x.routed, w, entries)
	}
	x.entries = slices.Clone(entries)
	return x.n.step()
}

func (x *session) Leave(_ context.Context, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error) {
	if x.n.w.mistake == KeepBelow {
		return nil, nil
	}
	if x.routed == nil {
		x.routed = &routeTx{n: x.n, row: x.row, given: map[change.Row]uint32{}}
	}
	have, err := x.n.router.LeaveIn(ctx, x.routed, w, table, rows)
	if x.n.w.mistake == GiveBackFirst {
		clear(have)
	}
	return have, err
}

func (x *session) Respelled(context.Context, []change.Row, []change.Row) error { return nil }

func (x *session) Consume(_ context.Context, w *version.Writing, entries []capture.Entry) error {
	if x.n.source != nil {
		x.consumed = entries
		return x.n.settles(recording{done: &x.done}, w, entries)
	}
	if x.n.w.mistake != CountAgain {
		x.consumed = entries
	}
	return nil
}

func (x *session) Mark(_ context.Context, rows []change.Row, remote string) error {
	x.marked = append(x.marked, marking{remote: remote, rows: rows, token: x.n.stream.Token(len(rows))})
	return x.n.step()
}
