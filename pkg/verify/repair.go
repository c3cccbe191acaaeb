package verify

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// repair makes both nodes send the rows that differ. If the version is the same on both sides, resend first makes one
// of them give way.
func (vf *Verifier) repair(ctx context.Context, remote string, t *schema.Table, differ []difference) (int, error) {
	for part := range slices.Chunk(differ, wire.VerifyValues) {
		var keys [][]byte
		for _, d := range part {
			keys = append(keys, []byte(d.key))
		}
		_, _, known, err := vf.knownOf(ctx, t, keys)
		if err != nil {
			return 0, err
		}
		theirs := map[string]change.Version{}
		err = vf.askValues(ctx, remote, wire.Question{Table: t.Name, Columns: keyNames(t), Keys: keys, Known: known}, func(a wire.Answer) {
			for _, v := range a.Values {
				theirs[string(v.Key)] = change.Version{Time: v.Time, Origin: v.Origin}
				if v.Other {
					theirs[string(v.Key)] = another
				}
			}
		})
		if err != nil {
			return 0, err
		}
		if err := vf.resend(ctx, remote, t, part, theirs); err != nil {
			return 0, err
		}
		for len(keys) > 0 {
			some := keys[:wire.Within(len(keys), wire.VerifyRows, func(i int) int { return len(keys[i]) })]
			if _, err := vf.ask(ctx, remote, wire.Question{Ask: wire.AskSend, Table: t.Name, Keys: some}); err != nil {
				return 0, err
			}
			keys = keys[len(some):]
		}
	}
	vf.Log.Info("rows sent for repair", zap.String("remote", remote), zap.String("table", t.Name), zap.Int("rows", len(differ)))
	return len(differ), nil
}

// another stands for a version that the remote withholds, and that is not this node's. The versions decide there: what
// is here is sent as it is, even a delete.
var another = change.Version{Time: change.Baseline}

// resend marks rows for a remote, or has them be news; see Repair.
func (vf *Verifier) resend(ctx context.Context, remote string, t *schema.Table, differ []difference, theirs map[string]change.Version) error {
	rows := make([]change.Row, len(differ))
	for i, d := range differ {
		rows[i] = change.Row{Table: t.Name, Key: d.key}
	}
	if err := vf.Tables.Identify(ctx, rows); err != nil {
		return err
	}
	if err := vf.Routes.Relabel(ctx, rows); err != nil {
		return err
	}
	unequal := make([]Unequal, len(differ))
	for i, d := range differ {
		unequal[i] = Unequal{Row: rows[i], Kind: d.Kind, Pending: d.Pending, Ours: d.ours, Theirs: theirs[rows[i].Key]}
	}
	err := vf.Stream.Write(ctx, vf.DB, rows, func(tx mysqldb.Tx, writing *version.Writing) error {
		p := &Repair{Remote: remote, Origin: vf.Origin, Now: change.Micros(vf.Now()), Syncs: vf.Node.Syncs(t.Name), Transformed: vf.Rows.Transforms(t.Name)}
		return p.Resend(ctx, repairing{vf, tx, t}, unequal, writing.Positions)
	})
	vf.Events.Marked(remote)
	return err
}
