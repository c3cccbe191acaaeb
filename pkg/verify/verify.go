package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	settleTries = 10 // checks of differing rows, until changes on their way have arrived
	settlePause = time.Second
)

// difference is a row that differs between two nodes.
type difference struct {
	status.Difference
	key  string
	ours change.Version
}

// Verify compares a table with that of an online remote, chunk by chunk, by checksums that each server computes. Rows
// that differ are checked again until the changes on their way have arrived. With repair, the rows that differ are
// sent: of two versions the later one stays, even a delete, and of two equal ones this node's. A row that only one node
// has, in a version that both know, is sent to the other: no one has deleted it.
func (vf *Verifier) Verify(ctx context.Context, remote, table string, repair bool) (status.Comparison, error) {
	c := status.Comparison{Remote: remote, Table: table, At: vf.Now()}
	if !vf.Mesh.Online(remote) || !vf.Mesh.SpeaksBatches(remote) {
		return c, fmt.Errorf("%s is offline, or not a mysql-sync node", remote)
	}
	t, err := vf.Tables.Fresh(ctx, table)
	if err != nil {
		return c, err
	}
	suspects, same, err := vf.suspects(ctx, remote, t)
	if err != nil {
		return c, err
	}
	c.Rows = same
	var found []difference
	for try := 0; len(suspects) > 0 && try < settleTries; try++ {
		if try > 0 {
			if err := pause.For(ctx, settlePause); err != nil {
				return c, err
			}
		}
		if found, err = vf.compare(ctx, remote, t, suspects, &c); err != nil {
			return c, err
		}
		settled := true
		suspects = suspects[:0]
		for _, d := range found {
			suspects = append(suspects, []byte(d.key))
			settled = settled && !d.Pending
		}
		if settled && try > 1 {
			break // nothing is on its way any more
		}
	}
	c.Equal, c.Differs = len(found) == 0 && c.Incomparable == 0, int64(len(found))
	for _, d := range found {
		c.Differ = append(c.Differ, d.Difference)
		if d.Kind != MissingHere {
			c.Rows++
		}
	}
	if err := vf.Events.Compared(ctx, c); err != nil {
		return c, err
	}
	if repair && len(found) > 0 {
		c.Repairs, err = vf.repair(ctx, remote, t, found)
	}
	return c, err
}

// compareAll compares all tables with the online remotes from time to time, and reports what differs: TRUNCATE, writes
// made behind the triggers' back, and restored backups show nowhere else.
func (vf *Verifier) compareAll(ctx context.Context) error {
	if vf.Node.VerifyInterval == 0 {
		<-ctx.Done()
		return nil
	}
	for pause.For(ctx, vf.Node.VerifyInterval) == nil {
		for _, table := range vf.Node.Tables() {
			if vf.Rows.Transforms(table) {
				continue // the rows are supposed to differ
			}
			for _, remote := range vf.Node.RemoteClients {
				if !vf.Mesh.Online(remote) || !vf.Mesh.SpeaksBatches(remote) || vf.Events.Paused(remote, table) {
					continue // for now
				}
				c, err := vf.Verify(ctx, remote, table, false)
				switch {
				case ctx.Err() != nil:
				case err != nil:
					vf.Log.Warn("tables not compared", zap.String("remote", remote), zap.String("table", table), zap.Error(err))
				case c.Differs > 0:
					vf.Log.Error("tables differ; mysql-sync verify --repair sends the rows",
						zap.String("remote", remote), zap.String("table", table), zap.Int64("rows", c.Differs))
				}
			}
		}
	}
	return nil
}

// compare compares rows value by value, or by checksums that the remote confirms if it withholds values, and returns
// those that differ. It counts the others.
func (vf *Verifier) compare(ctx context.Context, remote string, t *schema.Table, keys [][]byte, c *status.Comparison) (differ []difference, err error) {
	there := remoteTable{name: t.Name, types: asDocuments(t, make([]string, len(t.Columns)))}
	for len(keys) > 0 {
		part := keys[:min(len(keys), there.rowsAtOnce(t))]
		keys = keys[len(part):]
		list, err := vf.look(ctx, remote, t, part, &there)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			switch v := x.Verdict(); v {
			case Absent:
			case Alike:
				c.Rows++
			case HeldBack, Incomparable:
				if v == HeldBack {
					c.HeldBack++
				} else {
					c.Incomparable++
				}
				if x.Here {
					c.Rows++
				}
			default:
				d := difference{key: x.row.Key, ours: x.known, Difference: status.Difference{ID: vf.Tables.ID(ctx, x.row), Kind: v, Pending: x.Pending}}
				differ = append(differ, d)
			}
		}
	}
	return differ, nil
}

// looked is a row as it was seen on both sides, with long values replaced by their checksums.
type looked struct {
	Sides
	row    change.Row
	known  change.Version // here, read before the row
	ours   [][]byte       // nil: the row is not here, or not the remote's by the routes
	theirs wire.VerifyValue
}

// look looks at rows here and at a remote, in the order of their keys.
func (vf *Verifier) look(ctx context.Context, remote string, t *schema.Table, keys [][]byte, there *remoteTable) ([]looked, error) {
	rows, states, known, err := vf.knownOf(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	theirs := map[string]wire.VerifyValue{}
	if !there.confirms {
		if err = vf.theirValues(ctx, remote, t, keys, known, there, theirs); err != nil {
			return nil, err
		}
	}
	brief := func(i int, stored []byte) []byte { return snapshot.Brief(t.Columns[i], stored, there.types[i]) }
	ours, err := snapshot.Values(ctx, vf.DB, t, t.Names(), keys, brief)
	if err != nil {
		return nil, err
	}
	if err := vf.keepPart(ctx, remote, t, ours); err != nil {
		return nil, err
	}
	pending, err := vf.pendingFor(ctx, remote, t.Name, keys)
	if err != nil {
		return nil, err
	}
	ways, err := vf.rehearse(ctx, remote, t, keys, true)
	if err != nil {
		return nil, err
	}
	if vf.sends(remote, t.Name) { // or it would learn what it is not sent
		if err := vf.confirmed(ctx, remote, keys, known, digests(t, keys, ours, ways, there, theirs), there, theirs); err != nil {
			return nil, err
		}
	}
	list := make([]looked, len(rows))
	for i, r := range rows {
		mine, here := ours[r.Key]
		other, way := theirs[r.Key], ways[r.Key]
		s := Sides{Here: here, There: other.Values != nil, Pending: pending[r.Key] || other.Pending, Way: way.Way, WayBack: other.Way,
			OwnThere: states[r].WrittenBy(remote), KnownThere: other.Time != 0,
			Taken: vf.Node.Receives(t.Name) && vf.Rows.Transforms(t.Name), TakenThere: there.takes}
		switch other.Way {
		case wire.WaySame, wire.WayDiffers:
			same := other.Way == wire.WaySame
			s.There, s.WayBack, s.Same, s.AsSent = true, "", same, same && way.Way == wire.WayChanged
		default:
			s.Same = s.Here && s.There && sameRow(t, mine, other.Values, there.types, other.Untold)
			s.AsSent = s.There && way.Way == wire.WayChanged && sameAsSent(t, way, brief, other.Values, there.types)
		}
		if s.There && !s.Here && states[r].Version.IsZero() && vf.Rows.Transforms(t.Name) {
			if s.WayIn, err = vf.rehearseTaking(ctx, remote, t, r.Key); err != nil {
				return nil, err
			}
		}
		list[i] = looked{Sides: s, row: r, known: states[r].Version, ours: mine, theirs: other}
	}
	return list, nil
}

// knownOf returns what the node has of the rows with some keys, also in the form told to a remote that is asked about
// them.
func (vf *Verifier) knownOf(ctx context.Context, t *schema.Table, keys [][]byte) (rows []change.Row, states map[change.Row]change.State, known []wire.VerifyVersion, err error) {
	rows = make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err = vf.Tables.Identify(ctx, rows); err == nil {
		states, err = version.Read(ctx, vf.DB, rows)
	}
	known = make([]wire.VerifyVersion, len(rows))
	for i, r := range rows {
		known[i] = wire.VerifyVersion{Time: states[r].Version.Time, Origin: states[r].Version.Origin}
	}
	return rows, states, known, err
}

// remoteTable is what a remote says about its table: the columns' data types, empty if it does not say; whether a
// transformer may change arriving rows; whether it withholds values and confirms checksums; and the indexes of columns
// that it withholds.
type remoteTable struct {
	name     string
	types    []string
	takes    bool
	confirms bool
	untold   []int
}

// rowsAtOnce is how many rows of a table one question compares, so that its answer stays far below what brokers accept.
func (r *remoteTable) rowsAtOnce(t *schema.Table) int {
	const values, checksums = 2000, 500
	if r.confirms {
		return checksums
	}
	return max(1, min(wire.VerifyValues, values/len(t.Columns)))
}

// asDocuments returns a remote's data types by which this node's values are compared with its. Where this node has a document, the
// remote was told so, and compares one too.
func asDocuments(t *schema.Table, types []string) []string {
	types = slices.Clone(types)
	for i := range types {
		if t.Columns[i].IsDocument() {
			types[i] = t.Columns[i].ComparedAs()
		}
	}
	return types
}

// theirValues asks a remote for rows, with long values replaced by their checksums, there or here.
func (vf *Verifier) theirValues(ctx context.Context, remote string, t *schema.Table, keys [][]byte, known []wire.VerifyVersion, there *remoteTable, theirs map[string]wire.VerifyValue) error {
	q := wire.Question{Table: t.Name, Columns: t.Names(), Keys: keys, Form: wire.FormLarge, Types: t.Types(), Known: known}
	return vf.askValues(ctx, remote, q, func(a wire.Answer) {
		if len(a.Types) == len(t.Columns) {
			there.types = asDocuments(t, a.Types)
		}
		there.takes = a.Takes
		for _, v := range a.Values {
			if a.Form < wire.FormLarge {
				for i := range v.Values {
					v.Values[i] = snapshot.Brief(t.Columns[i], v.Values[i], there.types[i])
				}
			}
			if v.Way == wire.WayUntold {
				there.untold = v.Untold
			}
			theirs[string(v.Key)] = v
		}
	})
}

// sameAsSent reports whether a remote has what a transformer makes of a row, in the columns that it sends.
func sameAsSent(t *schema.Table, sent render.Rehearsed, brief func(int, []byte) []byte, theirs [][]byte, types []string) bool {
	if len(theirs) != len(t.Columns) || len(types) != len(t.Columns) {
		return false
	}
	for i, name := range sent.Columns {
		at := t.Index(name)
		if at < 0 {
			return false // a column that only the remote has is ignored
		}
		c := snapshot.AsThere(t.Columns[at], types[at])
		if !c.Equal(brief(at, sent.Values[i]), theirs[at]) {
			return false
		}
	}
	return true
}

// sameRow compares two rows by their values, except in columns that are withheld from this node.
func sameRow(t *schema.Table, ours, theirs [][]byte, types []string, untold []int) bool {
	return len(ours) == len(theirs) && len(differing(t, ours, theirs, types, untold)) == 0
}

// differing returns the indexes of the columns in which two rows differ, without those that are withheld from this node.
func differing(t *schema.Table, ours, theirs [][]byte, types []string, untold []int) (columns []int) {
	for i := range ours {
		if slices.Contains(untold, i) {
			continue
		}
		c := t.Columns[i]
		if len(types) == len(ours) {
			c = snapshot.AsThere(c, types[i])
		}
		if !c.Equal(ours[i], theirs[i]) {
			columns = append(columns, i)
		}
	}
	return columns
}

// pendingFor returns which rows the node still has to capture, or to send to a remote.
func (vf *Verifier) pendingFor(ctx context.Context, remote, table string, keys [][]byte) (map[string]bool, error) {
	pending := map[string]bool{}
	byID := map[string]string{}
	ids := []any{remote, table}
	raw := make([]string, len(keys))
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: table, Key: string(k)}
	}
	if err := vf.Tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	for i, k := range keys {
		id := rows[i].ID()
		byID[id] = string(k)
		ids, raw[i] = append(ids, []byte(id)), string(k)
	}
	// In the order of a change's path: one that moves on meanwhile is found at its next place.
	uncaptured, err := capture.Uncaptured(ctx, vf.DB, vf.Source, table, raw)
	if err != nil {
		return nil, err
	}
	for k := range uncaptured {
		pending[k] = true
	}
	places := mysqldb.List(len(keys))
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`SELECT row_id FROM sync_versions v JOIN sync_remotes r ON r.remote = ? WHERE v.table_name = ? AND v.row_id IN (` + places + `)
			AND v.position > ` + outbox.Reached + ` AND ` + outbox.Needed(remote), ids},
		{`SELECT row_id FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (` + places + `)`, ids},
	} {
		var found []string
		if err := vf.DB.SelectContext(ctx, &found, q.sql, q.args...); err != nil {
			return nil, fmt.Errorf("read what is pending: %w", err)
		}
		for _, f := range found {
			if k, ok := byID[f]; ok {
				f = k
			}
			pending[f] = true
		}
	}
	return pending, nil
}
