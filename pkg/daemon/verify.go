package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	settleTries = 10 // looks at rows that differ, until changes on their way have come
	settlePause = time.Second
)

// difference is a row that two nodes do not have alike.
type difference struct {
	status.Difference
	key string
}

// verify compares a table with that of a remote that is online, chunk by chunk,
// by checksums that each server computes. Rows that differ are looked at again
// until the changes on their way have come. With repair, the rows that differ
// are sent: of two versions the later one stays, be it a delete, and of two
// equal ones this node's. A row that only one node has, in a version that both
// know, is sent to the other: nobody has deleted it.
func (n *Node) verify(ctx context.Context, remote, table string, repair bool) (status.Comparison, error) {
	c := status.Comparison{Remote: remote, Table: table, At: n.now()}
	if !n.mesh.Online(remote) || !n.mesh.SpeaksBatches(remote) {
		return c, fmt.Errorf("%s is offline, or not a mysql-sync node", remote)
	}
	t, err := n.tables.Fresh(ctx, table)
	if err != nil {
		return c, err
	}
	suspects, same, err := n.suspects(ctx, remote, t)
	if err != nil {
		return c, fmt.Errorf("verify %s with %s: %w", table, remote, err)
	}
	c.Rows = same
	var found []difference
	for try := 0; len(suspects) > 0 && try < settleTries; try++ {
		if try > 0 {
			if err := sleep(ctx, settlePause); err != nil {
				return c, err
			}
		}
		if found, err = n.compare(ctx, remote, t, suspects, &c); err != nil {
			return c, fmt.Errorf("verify %s with %s: %w", table, remote, err)
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
		if d.Kind != missingHere {
			c.Rows++
		}
	}
	n.Compared(c)
	if err := n.settleDoubts(ctx, c.Table); err != nil {
		return c, err
	}
	if err := n.comparedSince(ctx); err != nil {
		return c, err
	}
	if repair && len(found) > 0 {
		c.Repairs, err = n.repair(ctx, remote, t, found)
	}
	return c, err
}

// verifyAll compares all tables with the remotes that are online, now and then,
// and tells what differs: TRUNCATE, writes made behind the triggers' back, and
// restored backups show nowhere else.
func (n *Node) verifyAll(ctx context.Context) error {
	if n.cfg.VerifyInterval == 0 {
		<-ctx.Done()
		return nil
	}
	for sleep(ctx, n.cfg.VerifyInterval) == nil {
		for _, table := range n.allTables() {
			if n.transformers.Has(table) {
				continue // the rows are meant to differ
			}
			for _, remote := range n.cfg.RemoteClients {
				if !n.mesh.Online(remote) || !n.mesh.SpeaksBatches(remote) {
					continue
				}
				c, err := n.verify(ctx, remote, table, false)
				switch {
				case ctx.Err() != nil:
				case err != nil:
					n.log.Warn("tables not compared", zap.String("remote", remote), zap.String("table", table), zap.Error(err))
				case c.Differs > 0:
					n.log.Error("tables differ; mysql-sync verify --repair sends the rows",
						zap.String("remote", remote), zap.String("table", table), zap.Int64("rows", c.Differs))
				}
			}
		}
	}
	return nil
}

// compare compares rows value by value, or by checksums that the remote confirms where it tells no values, and returns those that
// differ. It counts the others.
func (n *Node) compare(ctx context.Context, remote string, t *schema.Table, keys [][]byte, c *status.Comparison) (differ []difference, err error) {
	there := remoteTable{name: t.Name, types: make([]string, len(t.Columns))}
	for len(keys) > 0 {
		part := keys[:min(len(keys), there.rowsAtOnce(t))]
		keys = keys[len(part):]
		rows, states, known, err := n.knownOf(ctx, t, part)
		if err != nil {
			return nil, err
		}
		theirs := map[string]wire.VerifyValue{}
		if !there.confirms {
			if err = n.theirValues(ctx, remote, t, part, known, &there, theirs); err != nil {
				return nil, err
			}
		}
		brief := func(i int, stored []byte) []byte { return snapshot.Brief(t.Columns[i], stored, there.types[i]) }
		ours, err := snapshot.Values(ctx, n.db, t, t.Names(), part, brief)
		if err != nil {
			return nil, err
		}
		pending, err := n.pendingFor(ctx, remote, t.Name, part)
		if err != nil {
			return nil, err
		}
		ways, err := n.rehearse(ctx, remote, t, part, true)
		if err != nil {
			return nil, err
		}
		if n.sends(remote, t.Name) { // or it would be told of what it is not sent
			if err := n.confirmed(ctx, remote, part, known, digests(t, part, ours, ways, &there, theirs), &there, theirs); err != nil {
				return nil, err
			}
		}
		for _, r := range rows {
			mine, here := ours[r.Key]
			other, way := theirs[r.Key], ways[r.Key]
			s := sides{here: here, there: other.Values != nil, pending: pending[r.Key] || other.Pending, way: way.Way, wayBack: other.Way,
				ownThere: states[r].WrittenBy(remote), knownThere: other.Time != 0,
				taken: n.cfg.Receives(t.Name) && n.transformers.Has(t.Name), takenThere: there.takes}
			switch other.Way {
			case wire.WaySame, wire.WayDiffers:
				same := other.Way == wire.WaySame
				s.there, s.wayBack, s.same, s.asSent = true, "", same, same && way.Way == wire.WayChanged
			default:
				s.same = s.here && s.there && sameRow(t, mine, other.Values, there.types, other.Untold)
				s.asSent = s.there && way.Way == wire.WayChanged && sameAsSent(t, way, brief, other.Values, there.types)
			}
			if s.there && !s.here && states[r].Version.IsZero() && n.transformers.Has(t.Name) {
				if s.wayIn, err = n.rehearseTaking(ctx, remote, t, r.Key); err != nil {
					return nil, err
				}
			}
			switch v := s.verdict(); v {
			case absent:
			case alike:
				c.Rows++
			case heldBack, incomparable:
				if v == heldBack {
					c.HeldBack++
				} else {
					c.Incomparable++
				}
				if here {
					c.Rows++
				}
			default:
				d := difference{key: r.Key, Difference: status.Difference{ID: n.tables.ID(ctx, r), Kind: v, Pending: s.pending}}
				differ = append(differ, d)
			}
		}
	}
	return differ, nil
}

// knownOf returns what the node has of the rows with some keys, also as it is told to a remote that is asked about them.
func (n *Node) knownOf(ctx context.Context, t *schema.Table, keys [][]byte) (rows []change.Row, states map[change.Row]change.State, known []wire.VerifyVersion, err error) {
	rows = make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err = n.tables.Identify(ctx, rows); err == nil {
		states, err = version.Read(ctx, n.db, rows)
	}
	known = make([]wire.VerifyVersion, len(rows))
	for i, r := range rows {
		known[i] = wire.VerifyVersion{Time: states[r].Version.Time, Origin: states[r].Version.Origin}
	}
	return rows, states, known, err
}

// remoteTable is what a remote says of its table: the data types of the columns, empty where it does not say, whether a transformer
// may change what comes in, whether it tells no values and confirms checksums, and the places of columns of which it does not.
type remoteTable struct {
	name     string
	types    []string
	takes    bool
	confirms bool
	untold   []int
}

// rowsAtOnce is how many rows of a table are compared by one question, so that its
// answer stays far below what brokers let pass.
func (r *remoteTable) rowsAtOnce(t *schema.Table) int {
	const values, checksums = 2000, 500
	if r.confirms {
		return checksums
	}
	return max(1, min(wire.VerifyValues, values/len(t.Columns)))
}

// theirValues asks a remote for rows, whose long values it gives, or are put here, by their checksums.
func (n *Node) theirValues(ctx context.Context, remote string, t *schema.Table, keys [][]byte, known []wire.VerifyVersion, there *remoteTable, theirs map[string]wire.VerifyValue) error {
	q := wire.Question{Table: t.Name, Columns: t.Names(), Keys: keys, Form: wire.FormLarge, Types: t.Types(), Known: known}
	return n.askValues(ctx, remote, q, func(a wire.Answer) {
		if len(a.Types) == len(t.Columns) {
			there.types = a.Types
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

// sameAsSent reports whether a remote has what a transformer makes of a row: of the
// columns that it sends.
func sameAsSent(t *schema.Table, sent render.Rehearsed, brief func(int, []byte) []byte, theirs [][]byte, types []string) bool {
	if len(theirs) != len(t.Columns) || len(types) != len(t.Columns) {
		return false
	}
	for i, name := range sent.Columns {
		at := t.Index(name)
		if at < 0 {
			return false // a column that only the remote has is not looked at
		}
		c := snapshot.AsThere(t.Columns[at], types[at])
		if !c.Equal(brief(at, sent.Values[i]), theirs[at]) {
			return false
		}
	}
	return true
}

// sameRow compares two rows by their values, but for the columns that are not for this node to be told.
func sameRow(t *schema.Table, ours, theirs [][]byte, types []string, untold []int) bool {
	if len(ours) != len(theirs) {
		return false
	}
	for i := range ours {
		if slices.Contains(untold, i) {
			continue
		}
		c := t.Columns[i]
		if len(types) == len(ours) {
			c = snapshot.AsThere(c, types[i])
		}
		if !c.Equal(ours[i], theirs[i]) {
			return false
		}
	}
	return true
}

// pendingFor returns which rows the node has still to capture, or to send to a
// remote.
func (n *Node) pendingFor(ctx context.Context, remote, table string, keys [][]byte) (map[string]bool, error) {
	pending := map[string]bool{}
	byID := map[string]string{}
	ids := []any{remote, table}
	raw := []any{table}
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: table, Key: string(k)}
	}
	if err := n.tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	for i, k := range keys {
		id := rows[i].ID()
		byID[id] = string(k)
		ids, raw = append(ids, []byte(id)), append(raw, k)
	}
	places := mysqldb.List(len(keys))
	for _, q := range []struct {
		sql  string
		args []any
	}{
		// In the order in which a change goes: one that moves on meanwhile is found at its next place.
		{`SELECT primary_key FROM table_changes WHERE table_name = ? AND primary_key IN (` + places + `)`, raw},
		{`SELECT row_id FROM sync_versions v JOIN sync_remotes r ON r.remote = ? WHERE v.table_name = ? AND v.row_id IN (` + places + `)
			AND v.position > r.position AND ` + outbox.Needed(remote), ids},
		{`SELECT row_id FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (` + places + `)`, ids},
	} {
		var found []string
		if err := n.db.SelectContext(ctx, &found, q.sql, q.args...); err != nil {
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

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
