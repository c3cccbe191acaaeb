package log

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// doubt is that writes to a table may be missed by what the log says.
type doubt struct {
	why error
	of  *binlog.Transaction // the last that wrote them: who sends the table before it can be seen sends the rows of before
}

// everyTable stands for all synced tables among those in doubt.
const everyTable = ""

// doubted notes tables in doubt. s.known.mu is held.
func (s *Source) doubted(tables map[string]error, by *binlog.Transaction) {
	of := &binlog.Transaction{GTID: by.GTID, End: by.End, XA: by.XA}
	for table, why := range tables {
		if d := s.known.doubtful[table]; d.why != nil {
			why = d.why
		}
		s.known.doubtful[table] = doubt{why, of}
	}
}

// doubts has the tables sent as a whole whose rows in the log cannot be understood.
func (s *Source) doubts(ctx context.Context, c capture.WatchConfig) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kicks.tell:
		}
		for next := range pause.Doubling(ctx, 100*time.Millisecond, 10*time.Second) {
			err := s.resolve(ctx, c)
			if err == nil {
				break
			}
			s.log.Warn("could not record that writes may have been missed; retrying", zap.Duration("next", next), zap.Error(err))
		}
	}
}

// resolve has what is in doubt sent.
func (s *Source) resolve(ctx context.Context, c capture.WatchConfig) error {
	if err := s.mend(ctx, c.Synced, c.Missed); err != nil {
		return err
	}
	s.known.mu.Lock()
	list := maps.Clone(s.known.doubtful)
	s.known.mu.Unlock()
	var errs []error
	for _, table := range slices.Sorted(maps.Keys(list)) {
		d, tables := list[table], []string{table}
		if table == everyTable {
			tables = c.Synced
			s.log.Warn("writes may have been missed; the rows of all tables are sent to the remotes, deleted ones stay there: run verify", zap.Error(d.why))
		} else {
			s.log.Warn("what the log says about a table cannot be understood, as while it is altered; its rows are sent to the remotes because writes may have been missed, deleted ones may stay there: run verify", zap.String("table", table), zap.Error(d.why))
		}
		if err := s.missed(ctx, d.of, tables, c.Missed); err != nil {
			errs = append(errs, err)
			continue
		}
		s.known.mu.Lock()
		if s.known.doubtful[table].of == d.of {
			delete(s.known.doubtful, table)
		} else { // more was written meanwhile
			s.tell()
		}
		s.known.mu.Unlock()
	}
	return errors.Join(errs...)
}

// missed records that writes to tables may have been missed, once they can be seen; and once more if they were prepared: on MariaDB
// XA COMMIT counts as committed a moment earlier. Rule 3.
func (s *Source) missed(ctx context.Context, of *binlog.Transaction, tables []string, missed func(context.Context, string) error) error {
	for range pause.Doubling(ctx, 10*time.Millisecond, time.Second) {
		seen, err := s.server.Committed(ctx)
		if err != nil {
			return err
		}
		if seen.Has(of) {
			break
		}
		if err := s.isBroken(); err != nil { // of another log this does not tell; all tables are sent then
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for again := range 2 {
		if again > 0 && of.XA.Phase != binlog.XACommit {
			break
		}
		if again > 0 {
			if err := pause.For(ctx, time.Second); err != nil {
				return err
			}
		}
		for _, table := range tables {
			if err := missed(ctx, table); err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
		}
	}
	return nil
}
