package deliver

import (
	"context"
	"math"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
)

// note ensures that sync_sent has all rows that the remote may hold, for each table with a transformer, before the
// first is transformed; if the transformer is new, all existing rows. They may have been sent before, by whatever
// route, or both sides may have had them from the start. Otherwise, a row that is no longer for the remote could not be
// told apart from one that it never had. It records at most so many chunks per table. A table that cannot be read holds
// up no other: its rows are just not sent before it can be; see noteFirst.
func (s *Sender) note(ctx context.Context, chunks int) error {
	list, err := s.c.Outbox.Unnoted(ctx, s.remote, s.c.Rows.Transformed())
	if err != nil {
		return err
	}
	before := s.unnoted
	s.unnoted = map[string]noting{}
	for _, at := range list {
		s.unnoted[at.Table] = noting{at, before[at.Table].rows}
		err := s.noteTable(ctx, at.Table, chunks)
		if render.Unreadable(err) && !s.c.Tables.SetAside(at.Table, err) {
			s.log.Warn("could not record which rows the remote may hold", zap.String("table", at.Table), zap.Error(err))
		} else if err != nil && !mysqldb.Stuck(err) {
			return err
		}
	}
	return nil
}

// noteFirst records what is left of a table whose rows are about to be sent.
func (s *Sender) noteFirst(ctx context.Context, table string) error {
	if _, left := s.unnoted[table]; !left {
		return nil
	}
	return s.noteTable(ctx, table, math.MaxInt)
}

// noteTable records at most so many chunks of a table.
func (s *Sender) noteTable(ctx context.Context, table string, chunks int) (err error) {
	at := s.unnoted[table]
	for range chunks {
		noted, finished, err := s.c.Rows.Note(ctx, s.remote, &at.Noting)
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

// noted is what Begin records before anything is sent.
type noted struct {
	begun   int64             // end of the stream when this run started
	unnoted map[string]noting // tables with a transformer whose rows are not all recorded yet
}

// noting is the progress through a table.
type noting struct {
	outbox.Noting
	rows int // recorded by this run
}
