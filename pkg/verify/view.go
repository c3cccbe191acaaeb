package verify

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// view is what an asking client may see of a table: no more than it would be sent, through the table's transformer. Of
// a table that is not sent to it, it sees nothing, and can only have confirmed what it has itself; see confirm.go.
// Promise 8.
type view struct {
	vf     *Verifier
	asker  string
	t      *schema.Table
	whole  bool // it is sent the table, or may read all of it
	script bool // through the transformer
	some   bool // only some columns
}

// viewOf returns what a client may see of a table; ok is false if that is nothing.
func (vf *Verifier) viewOf(asker, table string) (v view, ok bool) {
	ok, named := vf.Node.MayRead(asker, table)
	v = view{vf: vf, asker: asker, whole: named || vf.sends(asker, table), script: vf.Rows.Transforms(table), some: vf.Node.Limited(asker, table)}
	return v, ok && (v.whole || vf.Node.MayWrite(asker, table))
}

// plain reports whether the client sees the table as it is.
func (v view) plain() bool { return v.whole && !v.script && !v.some }

// seen is what a client may see of a row. Of a table that is not sent to it, it sees nothing of this.
type seen struct {
	here     bool // the row exists, and the client may know
	known    bool // it knows of the row, which it has sent or was sent
	its      bool // it has sent the row in its current state, or names its version
	way      string
	rehearse render.Rehearsed
	state    change.State
}

// rows returns what the client may see of the rows with some keys, by key. Values are present only if a transformer
// makes them and keep asks for them.
func (v view) rows(ctx context.Context, keys [][]byte, known []wire.VerifyVersion, values bool) (map[string]seen, error) {
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: v.t.Name, Key: string(k)}
	}
	if err := v.vf.Tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	states, err := version.Read(ctx, v.vf.DB, rows)
	if err != nil {
		return nil, err
	}
	list := make(map[string]seen, len(rows))
	if v.plain() {
		for _, r := range rows {
			list[r.Key] = seen{here: true, known: true, state: states[r]}
		}
		return list, nil
	}
	from, err := version.From(ctx, v.vf.DB, rows)
	if err != nil {
		return nil, err
	}
	held, err := v.vf.Outbox.SentAs(ctx, v.asker, v.t.Name, rows)
	if err != nil {
		return nil, err
	}
	var ways map[string]render.Rehearsed
	if v.script && v.whole {
		if ways, err = v.vf.Rehearser.Rehearse(ctx, v.asker, v.t, keys, values); err != nil {
			return nil, err
		}
	}
	for i, r := range rows {
		s := seen{state: states[r], its: states[r].WrittenBy(v.asker) || from[r] == v.asker, rehearse: ways[r.Key]}
		if at := states[r].Version; len(known) == len(rows) && at.Time > change.Baseline { // which anyone can guess
			s.its = s.its || at == change.Version{Time: known[i].Time, Origin: known[i].Origin}
		}
		s.known = s.its || held[r] != "" || states[r].Seen.Latest(v.asker) > 0
		s.here, s.way = v.whole, s.rehearse.Way
		if s.way != "" && s.way != wire.WayChanged {
			s.here = false
		}
		if !s.here && !s.known {
			s.way = ""
		}
		if v.whole && v.script && !s.here && !s.known {
			s.state = change.State{}
		}
		list[r.Key] = s
	}
	return list, nil
}

// sum answers wire.AskSum: without a checksum if that would reveal more than the client may see. The client then asks
// for each row.
func (v view) sum(ctx context.Context, q *wire.Question, form int) (count int64, sum string, err error) {
	switch {
	case !v.whole:
		return v.confirmSum(ctx, q, form)
	case v.script || v.some:
		return 0, "", nil
	}
	r, err := v.vf.partOf(ctx, v.asker, v.t)
	if err != nil {
		return 0, "", err
	}
	r.After, r.UpTo = q.After, q.UpTo
	return snapshot.Sum(ctx, v.vf.DB, v.t, q.Columns, r, form)
}

// hashes answers wire.AskHashes for the rows that the client may see; more says that there may be others. A row that it
// would be sent in another form than it is stored has no checksum here, unless the client has sent it.
func (v view) hashes(ctx context.Context, q *wire.Question, form int) (list []wire.Hash, more bool, err error) {
	if !v.whole {
		return v.itsKeys(ctx, q)
	}
	r, err := v.vf.partOf(ctx, v.asker, v.t)
	if err != nil {
		return nil, false, err
	}
	for r.After, r.UpTo = q.After, q.UpTo; ; {
		page, err := snapshot.Hashes(ctx, v.vf.DB, v.t, q.Columns, r, wire.VerifyRows, form)
		if err != nil || v.plain() {
			return page, false, err
		}
		keys := make([][]byte, len(page))
		for i, h := range page {
			keys[i] = h.Key
		}
		rows, err := v.rows(ctx, keys, nil, false)
		if err != nil {
			return nil, false, err
		}
		for _, h := range page {
			s := rows[string(h.Key)]
			if !s.here && !s.its {
				continue
			}
			if v.some || !s.here || v.script && !s.its {
				h.Sum = ""
			}
			if list = append(list, h); len(list) == wire.VerifyRows {
				return list, true, nil
			}
		}
		if len(page) < wire.VerifyRows {
			return list, false, nil
		}
		if len(list) > 0 && q.Parts {
			return list, true, nil
		}
		r.After = page[len(page)-1].Key
	}
}

// values returns a row's values as the client may see them, in the order of the question's columns, and the indexes of
// those that it may not see.
func (v view) values(s seen, columns []string, stored [][]byte, keep func(int, []byte) []byte) (values [][]byte, untold []int) {
	if stored == nil || !s.here {
		return nil, nil
	}
	values = make([][]byte, len(columns))
	for i, name := range columns {
		value, told := stored[i], v.vf.Node.MayColumn(v.asker, v.t.Name, name)
		if v.script {
			at := -1
			for k, c := range s.rehearse.Columns {
				if v.t.Index(c) == v.t.Index(name) {
					at = k
				}
			}
			if told = told && at >= 0; told {
				value = s.rehearse.Values[at]
				if keep != nil {
					value = keep(i, value)
				}
			}
		}
		if told {
			values[i] = value
		} else {
			untold = append(untold, i)
		}
	}
	return values, untold
}

// verifyValues answers wire.AskValues.
func (v view) verifyValues(ctx context.Context, q receive.Question) (types []string, list []wire.VerifyValue, err error) {
	if !v.whole {
		return v.confirmValues(ctx, q)
	}
	vf, t := v.vf, v.t
	var keep func(int, []byte) []byte
	if q.Form >= wire.FormLarge && len(q.Types) == len(q.Columns) {
		keep = func(i int, stored []byte) []byte {
			c, _ := t.Column(q.Columns[i]) // Values has verified that it exists
			return snapshot.Brief(*c, stored, q.Types[i])
		}
	}
	found, err := snapshot.Values(ctx, vf.DB, t, q.Columns, q.Keys, keep)
	if err != nil {
		return nil, nil, err
	}
	if err := vf.keepPart(ctx, q.From, t, found); err != nil {
		return nil, nil, err
	}
	pending, err := vf.pendingFor(ctx, q.From, t.Name, q.Keys)
	if err != nil {
		return nil, nil, err
	}
	rows, err := v.rows(ctx, q.Keys, q.Known, true)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range q.Columns {
		c, _ := t.Column(name)
		types = append(types, c.DataType)
	}
	for _, k := range q.Keys {
		key := string(k)
		s := rows[key]
		x := wire.VerifyValue{Key: k, Time: s.state.Version.Time, Origin: s.state.Version.Origin}
		x.Pending = pending[key] && (s.here || s.known)
		if x.Values, x.Untold = v.values(s, q.Columns, found[key], keep); found[key] != nil {
			x.Way = s.way
		} else if v.script && !s.known {
			// The client may nevertheless have it under this key: a transformer has given it another.
			if id, err := t.ID(key); err == nil {
				sent, err := vf.Outbox.SentUnder(ctx, q.From, t.Name, id)
				if err != nil {
					return nil, nil, err
				}
				if sent {
					x.Way = wire.WayRekeyed
				}
			}
		}
		list = append(list, x)
	}
	return types, list, nil
}
