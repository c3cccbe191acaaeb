package verify

import (
	"context"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// digested are rows whose checksums a remote is asked to confirm, all over the same columns.
type digested struct {
	columns, types []string
	of             map[string]string // by key; empty: the remote should not have the row, or that is unknown
}

// digests makes the checksums of the rows that a remote withholds: of what it was sent, since it must learn no more
// from them. A transformer may send each row with different columns.
func digests(t *schema.Table, keys [][]byte, ours map[string][][]byte, ways map[string]render.Rehearsed, there *remoteTable, theirs map[string]wire.VerifyValue) map[string]*digested {
	list := map[string]*digested{}
	for _, k := range keys {
		key := string(k)
		if v, told := theirs[key]; told && v.Way != wire.WayUntold {
			continue
		}
		names, values := t.Names(), ours[key] // already short
		switch way := ways[key]; way.Way {
		case "":
		case wire.WayChanged:
			names, values = way.Columns, make([][]byte, len(way.Columns))
			for i, name := range names {
				if at := t.Index(name); at >= 0 {
					values[i] = snapshot.Brief(t.Columns[at], way.Values[i], there.types[at])
				}
			}
		default:
			values = nil
		}
		var d digested
		var columns []*value.Column
		var types []string
		var brief [][]byte
		for i, name := range names {
			at := t.Index(name)
			if at < 0 || slices.Contains(there.untold, at) {
				continue // a column that only the remote has is ignored
			}
			c := &t.Columns[at]
			d.columns, d.types, columns, types = append(d.columns, c.Name), append(d.types, c.ComparedAs()), append(columns, c), append(types, there.types[at])
			if values != nil {
				brief = append(brief, values[i])
			}
		}
		sum := ""
		if values != nil {
			sum = snapshot.Digest(columns, brief, types)
		}
		set := strings.Join(d.columns, "\x00")
		if list[set] == nil {
			d.of = map[string]string{}
			list[set] = &d
		}
		list[set].of[key] = sum
	}
	return list
}

// confirmed asks a remote that withholds rows whether it has the same.
func (vf *Verifier) confirmed(ctx context.Context, remote string, keys [][]byte, known []wire.VerifyVersion, list map[string]*digested, there *remoteTable, theirs map[string]wire.VerifyValue) error {
	for _, d := range list {
		q := wire.Question{Table: there.name, Columns: d.columns, Types: d.types, Form: wire.FormLarge}
		for i, k := range keys {
			if sum, ok := d.of[string(k)]; ok {
				q.Keys, q.Known, q.Sums = append(q.Keys, k), append(q.Known, known[i]), append(q.Sums, sum)
			}
		}
		err := vf.askValues(ctx, remote, q, func(a wire.Answer) {
			there.takes = a.Takes
			for _, v := range a.Values {
				there.confirms = there.confirms || v.Way == wire.WaySame || v.Way == wire.WayDiffers
				theirs[string(v.Key)] = v
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
