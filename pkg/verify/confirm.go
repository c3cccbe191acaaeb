package verify

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// What a client may ask about a table that is not sent to it, because it may write it: whether what it has is right. It
// gives its own checksum of a row, or of its rows in a range, and the version that it knows, and learns whether they
// match the node's. Values, checksums and versions are told to no one who does not name them, not even of a row that
// the client has sent, since it may have sent no more than the key. Promise 8.

// sumPages is the maximum number of pages of keys for which a checksum is confirmed.
const sumPages = 10

// confirmSum answers wire.AskSum with the question's checksum if that is right for the rows in the range that the
// client has sent; otherwise with none. About others' rows, and where they are, it tells nothing.
func (v view) confirmSum(ctx context.Context, q *wire.Question, form int) (int64, string, error) {
	if q.Sum == "" || len(v.untold(q.Columns)) > 0 {
		return 0, "", nil
	}
	var of snapshot.Total
	var its []string
	r := snapshot.Range{After: q.After, UpTo: q.UpTo}
	for page := 1; ; page++ {
		list, err := snapshot.Hashes(ctx, v.vf.DB, v.t, q.Columns, r, wire.VerifyRows, form)
		if err != nil {
			return 0, "", err
		}
		keys := make([][]byte, len(list))
		for i, h := range list {
			keys[i] = h.Key
		}
		rows, err := v.rows(ctx, keys, nil, false)
		if err != nil {
			return 0, "", err
		}
		for _, h := range list {
			key := string(h.Key)
			if !rows[key].its {
				continue
			}
			if !of.Add(h.Sum) || !v.mayGuess(key) {
				return 0, "", nil
			}
			its = append(its, key)
		}
		if len(list) < wire.VerifyRows {
			break
		}
		if page == sumPages {
			return 0, "", nil
		}
		r.After = keys[len(keys)-1]
	}
	switch {
	case of.Count == 0 || of.Count != q.Count:
		return 0, "", nil
	case of.String() == q.Sum:
		return of.Count, q.Sum, nil
	}
	for _, key := range its {
		v.vf.guesses.Wrong(v.asker, v.t.Name, key)
	}
	return 0, "", nil
}

// itsKeys answers wire.AskHashes with the keys of the rows that the client has sent, which it knows, and no checksum.
func (v view) itsKeys(ctx context.Context, q *wire.Question) (list []wire.Hash, more bool, err error) {
	r := snapshot.Range{After: q.After, UpTo: q.UpTo}
	for {
		keys, err := snapshot.Keys(ctx, v.vf.DB, v.t, r, wire.VerifyRows)
		if err != nil {
			return nil, false, err
		}
		rows, err := v.rows(ctx, keys, nil, false)
		if err != nil {
			return nil, false, err
		}
		for _, k := range keys {
			if !rows[string(k)].its {
				continue
			}
			if list = append(list, wire.Hash{Key: k}); len(list) == wire.VerifyRows {
				return list, true, nil
			}
		}
		if len(keys) < wire.VerifyRows {
			return list, false, nil
		}
		if len(list) > 0 && q.Parts {
			return list, true, nil
		}
		r.After = keys[len(keys)-1]
	}
}

// confirmValues answers wire.AskValues: for each row, whether it exists, whether the client's checksum is right for the
// question's columns, and whether the version that it knows is the row's. It learns that a row differs only if it has
// sent it or knows its version: a row that someone else has written since cannot be called wrong.
func (v view) confirmValues(ctx context.Context, q receive.Question) (types []string, list []wire.VerifyValue, err error) {
	vf, t := v.vf, v.t
	columns := make([]*value.Column, len(q.Columns))
	for i, name := range q.Columns {
		c, ok := t.Column(name)
		if !ok {
			return nil, nil, fmt.Errorf("table %s has no column %.64q", t.Name, name)
		}
		columns[i], types = c, append(types, c.DataType)
	}
	untold, given := v.untold(q.Columns), v.given(&q.Question)
	read, keep := keyNames(t), func(int, []byte) []byte { return nil }
	if given {
		read, keep = q.Columns, func(i int, stored []byte) []byte { return snapshot.Brief(*columns[i], stored, q.Types[i]) }
	}
	found, err := snapshot.Values(ctx, vf.DB, t, read, q.Keys, keep)
	if err != nil {
		return nil, nil, err
	}
	pending, err := vf.pendingFor(ctx, q.From, t.Name, q.Keys)
	if err != nil {
		return nil, nil, err
	}
	rows, err := v.rows(ctx, q.Keys, q.Known, false)
	if err != nil {
		return nil, nil, err
	}
	for i, k := range q.Keys {
		key := string(k)
		s := rows[key]
		x := wire.VerifyValue{Key: k, Pending: pending[key] && s.known}
		if len(q.Known) == len(q.Keys) {
			if at := (change.Version{Time: q.Known[i].Time, Origin: q.Known[i].Origin}); at == s.state.Version {
				x.Time, x.Origin = at.Time, at.Origin
			} else {
				x.Other = true
			}
		}
		if brief, here := found[key]; here {
			x.Way, x.Untold = wire.WayUntold, untold
			if given {
				x.Way = v.confirm(key, q.Sums[i], s, func() string { return snapshot.Digest(columns, brief, q.Types) })
			}
		}
		list = append(list, x)
	}
	return types, list, nil
}

// confirm says what a row is to a client that gives the checksum sum for it; sum is empty if it has none.
func (v view) confirm(key, sum string, s seen, digest func() string) (way string) {
	switch {
	case !v.mayGuess(key):
		return wire.WayUntold
	case sum != "" && sum == digest():
		return wire.WaySame
	case sum != "":
		v.vf.guesses.Wrong(v.asker, v.t.Name, key)
	}
	if s.its {
		return wire.WayDiffers
	}
	return wire.WayUntold
}

func (v view) mayGuess(key string) bool {
	return v.vf.guesses.May(v.asker, v.t.Name, key, v.vf.Now())
}

// given reports whether a client gives checksums that may be confirmed: of columns that it may see.
func (v view) given(q *wire.Question) bool {
	return len(q.Sums) > 0 && q.Form >= wire.FormLarge && len(q.Types) == len(q.Columns) && len(v.untold(q.Columns)) == 0
}

// untold returns the indexes of the columns that the client may not see.
func (v view) untold(columns []string) (places []int) {
	for i, name := range columns {
		if !v.vf.Node.MayColumn(v.asker, v.t.Name, name) {
			places = append(places, i)
		}
	}
	return places
}
