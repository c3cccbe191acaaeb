package daemon

import (
	"context"
	"math"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// notedRows is how many rows are noted at a time.
const notedRows = 1000

// transformed returns the tables whose rows a transformer changes, or holds back,
// on their way out.
func (n *Node) transformed() []string {
	var list []string
	for _, t := range n.cfg.SyncTables {
		if n.transformers.Has(t) {
			list = append(list, t)
		}
	}
	return list
}

// note sees to it that sync_sent has all rows that the remote may hold, of each table
// with a transformer, before the first is transformed: all that are there when the
// transformer is new. They may have been sent before, in whatever way, or both sides
// may have begun with them. Without it a row that is not for the remote any more could
// not be told from one that it never had. Of each table at most so many chunks are
// noted. A table that cannot be read holds up no other: its rows are not sent before it
// can; see noteFirst.
func (s *sender) note(ctx context.Context, chunks int) error {
	list, err := s.n.outbox.Unnoted(ctx, s.remote, s.n.transformed())
	if err != nil {
		return err
	}
	before := s.unnoted
	s.unnoted = map[string]noting{}
	for _, at := range list {
		s.unnoted[at.Table] = noting{at, before[at.Table].rows}
		err := s.noteTable(ctx, at.Table, chunks)
		if render.Unreadable(err) && !s.n.tables.SetAside(at.Table, err) {
			s.log.Warn("rows that the remote may hold cannot be noted", zap.String("table", at.Table), zap.Error(err))
		} else if err != nil && !mysqldb.Stuck(err) {
			return err
		}
	}
	return nil
}

// noteFirst notes what is left of a table of which rows are about to be sent.
func (s *sender) noteFirst(ctx context.Context, table string) error {
	if _, left := s.unnoted[table]; !left {
		return nil
	}
	return s.noteTable(ctx, table, math.MaxInt)
}

// noteTable notes at most so many chunks of a table.
func (s *sender) noteTable(ctx context.Context, table string, chunks int) (err error) {
	at := s.unnoted[table]
	for range chunks {
		noted, finished, err := s.noteSome(ctx, &at.Noting)
		if err != nil {
			return err
		}
		at.rows += noted
		s.unnoted[table] = at
		if !finished {
			continue
		}
		delete(s.unnoted, table)
		if at.rows > 0 {
			s.log.Info("table has a new transformer; noted which rows the remote may hold", zap.String("table", table), zap.Int("rows", at.rows))
		}
		return nil
	}
	return nil
}

// noting is how far a table has been gone through.
type noting struct {
	outbox.Noting
	rows int // noted by this run
}

// noteSome notes the next rows of a table under their own ids: that is how they were
// sent. One that the remote wrote last itself is none that it was sent.
func (s *sender) noteSome(ctx context.Context, at *outbox.Noting) (noted int, finished bool, err error) {
	t, err := s.n.tables.FreshAtOnce(ctx, at.Table)
	if err != nil {
		return 0, false, err
	}
	rows, err := s.n.snapshots.Keys(ctx, t, at.After, notedRows)
	if err != nil {
		return 0, false, err
	}
	states, err := version.Read(ctx, s.n.db, rows)
	if err != nil {
		return 0, false, err
	}
	held := make([]outbox.Sent, 0, len(rows))
	for _, r := range rows {
		at.After = []byte(r.Key)
		if states[r].WrittenBy(s.remote) {
			continue
		}
		id, err := t.ID(r.Key)
		if err != nil {
			return 0, false, err
		}
		held = append(held, outbox.Sent{Item: outbox.Item{Row: r}, As: id})
	}
	finished = len(rows) < notedRows
	return len(held), finished, s.n.outbox.Note(ctx, s.remote, *at, held, finished)
}
