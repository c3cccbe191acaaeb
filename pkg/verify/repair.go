package verify

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
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

// resend marks rows for a remote. Rows whose version the remote has too, though not the row, get a new one, which is
// news for all remotes: a remote that holds the previous version would otherwise take one that knows of the new one for
// a rival, or write one that loses to it. Promise 3. A row that is missing here is marked if its version is later than
// the remote's: it was deleted. If the versions are the same, or the row existed with that version, it was not deleted,
// and what is known of it is forgotten, so that the remote's row is news. The same goes for a row of a table that is
// only received.
func (vf *Verifier) resend(ctx context.Context, remote string, t *schema.Table, differ []difference, theirs map[string]change.Version) error {
	rows := make([]change.Row, len(differ))
	for i, d := range differ {
		rows[i] = change.Row{Table: t.Name, Key: d.key}
	}
	if err := vf.Tables.Identify(ctx, rows); err != nil {
		return err
	}
	err := vf.Stream.Write(ctx, vf.DB, rows, func(tx mysqldb.Tx, writing *version.Writing) error {
		states, err := version.Read(ctx, tx, rows)
		if err != nil {
			return err
		}
		fates, err := version.Fates(ctx, tx, missing(rows, differ))
		if err != nil {
			return err
		}
		others, err := vf.notTheirs(ctx, tx, remote, t, rows)
		if err != nil {
			return err
		}
		var next []version.Entry
		var due, vanished []change.Row
		first := writing.Positions(len(rows))
		for i, r := range rows {
			ours, other := states[r].Version, theirs[r.Key]
			theirOwn := vf.Rows.Transforms(t.Name) && states[r].WrittenBy(remote) // it does not go back through a transformer
			switch {
			case others[r.Key]: // the remote gives it back
				due = append(due, r)
			case differ[i].Kind == differs && ours == other && (theirOwn || !vf.Node.Syncs(t.Name)):
				if !differ[i].Pending {
					vanished = append(vanished, r) // no one would learn of a new version
				}
			case differ[i].Kind != missingHere && ours == other && vf.Node.Syncs(t.Name):
				s := conflict.Next(states[r], change.Micros(vf.Now()), vf.Origin)
				next = append(next, version.Entry{Row: r, State: s, Position: first + int64(i), Fate: version.There})
			case fates[r].Elsewhere() && !differ[i].Pending:
				vanished = append(vanished, r)
			case differ[i].Kind != missingHere, ours.Compare(other) > 0:
				due = append(due, r)
			case ours == other && !differ[i].Pending:
				vanished = append(vanished, r)
			}
		}
		if err := version.Write(ctx, tx, next); err != nil {
			return err
		}
		if err := version.Forget(ctx, tx, t.Name, vanished); err != nil {
			return err
		}
		return vf.Outbox.Mark(ctx, tx, due, remote)
	})
	vf.Events.Marked(remote)
	return err
}

// missing returns the rows that are missing here.
func missing(rows []change.Row, differ []difference) []change.Row {
	var list []change.Row
	for i, r := range rows {
		if differ[i].Kind == missingHere {
			list = append(list, r)
		}
	}
	return list
}
