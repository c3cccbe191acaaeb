package deliver

import (
	"context"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// keptChunk is how many held-back rows are marked at a time, once the previous ones were sent.
const keptChunk = 1000

// keepBack records that rows of the stream are skipped because the remote does not accept their tables. They stay in
// the stream, so the starting position is enough.
func (s *Sender) keepBack(ctx context.Context, rows []version.Waiting) error {
	if len(rows) == 0 {
		return nil
	}
	list := make([]change.Row, len(rows))
	for i := range rows {
		w := &rows[i]
		list[i] = w.Row
		if _, known := s.road.kept[w.Table]; known {
			continue
		}
		if err := s.keepFrom(ctx, w); err != nil {
			return err
		}
		if s.unknown(w.Table) {
			continue
		}
		s.log.Info("the remote does not accept a table: its rows are held back until it does", zap.String("table", w.Table))
	}
	if !s.road.unsettled {
		return nil
	}
	return s.c.Outbox.Withdrawn(ctx, s.remote, list)
}

// keepFrom records that rows of a table are held back from this one on.
func (s *Sender) keepFrom(ctx context.Context, w *version.Waiting) error {
	if err := s.c.Outbox.KeepBack(ctx, s.remote, w.Table, w.Position-1); err != nil {
		s.road.opened = false // whether it was recorded is unknown: it is read again, or would never be given back
		return err
	}
	s.road.kept[w.Table] = w.Position - 1
	return nil
}

// giveBack marks some rows of a table that were held back and that the remote accepts, unless the table is paused.
func (s *Sender) giveBack(ctx context.Context) error {
	for _, table := range slices.Sorted(maps.Keys(s.road.kept)) {
		if s.marks.due || !s.to.Takes(table) || s.unknown(table) || !s.c.Syncs(table) || s.holds(ctx, table) {
			continue
		}
		after := s.road.kept[table]
		list, err := s.c.Stream.ReadTable(ctx, table, after, s.road.taken, keptChunk)
		if err != nil {
			return err
		}
		var rows, passed []change.Row
		for i := range list {
			if after = list[i].Position; s.needs(&list[i]) {
				rows = append(rows, list[i].Row)
			} else {
				passed = append(passed, list[i].Row)
			}
		}
		if err := s.overtaken(ctx, passed); err != nil {
			return err
		}
		end := len(list) < keptChunk
		if err := s.c.Outbox.GiveBack(ctx, s.remote, table, rows, after, end); err != nil {
			return err
		}
		s.road.kept[table] = after
		if end {
			delete(s.road.kept, table)
			s.log.Info("sending the rows of a table that were held back", zap.String("table", table))
		}
		s.marks.found()
		s.inbox.wake()
	}
	return nil
}
