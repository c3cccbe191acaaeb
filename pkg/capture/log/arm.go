package log

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Unseen implements capture.Source.
func (s *Source) Unseen(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) ([]capture.Unseen, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	switch {
	case s.start.fresh: // triggers captured until now
		return s.through.Rows.Unseen(ctx, tables, keys)
	case s.start.foreign == "":
		return s.through.Cascades.Unseen(ctx, tables, keys)
	}
	var list []capture.Unseen
	for _, t := range tables {
		list = append(list, capture.Unseen{Table: t.Name, Reason: s.start.foreign})
	}
	return list, nil
}

// Forget implements capture.Source.
func (s *Source) Forget(ctx context.Context, table string) error {
	if s.pending != nil {
		s.pending.drop(table)
	}
	return s.through.Cascades.Forget(ctx, table)
}

// Arm implements capture.Source. P comes before the triggers go: a kill in between must not leave writes that neither
// tells of. Promise 1.
func (s *Source) Arm(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	s.known.mu.Lock()
	s.known.keys = keys
	s.known.mu.Unlock()
	for _, t := range tables { // no one reads yet
		s.decoder.shapes.keyed[t.Name] = t.KeyNames()
	}
	if s.start.fresh || s.start.foreign != "" {
		if err := s.server.InTx(ctx, func(tx mysqldb.Tx) error { return s.write(ctx, tx, s.pending.after(nil)) }); err != nil {
			return err
		}
		if err := s.found(ctx); err != nil {
			return err
		}
		s.start.fresh, s.start.foreign = false, ""
	}
	return s.through.Cascades.Arm(ctx, tables, keys)
}

// lookEach is how often the tables themselves are looked at: what changes their definitions stands in the log, but for what is done with
// sql_log_bin=0.
const lookEach = 5 * time.Second

// Watch implements capture.Source.
func (s *Source) Watch(ctx context.Context, ts *schema.Tables, c capture.WatchConfig) error {
	defer func() { _ = s.Close() }() // it has no error
	if c.Interval == 0 {
		c.Interval = lookEach
	}
	c.Altered = s.kicks.altered
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.through.Cascades.Watch(ctx, ts, c) })
	g.Go(func() error { return s.doubts(ctx, c) })
	return g.Wait()
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

func (s *Source) resolve(ctx context.Context, c capture.WatchConfig) error {
	if err := s.mend(ctx, c.Synced, c.Missed); err != nil {
		return err
	}
	s.known.mu.Lock()
	list := maps.Clone(s.known.doubtful)
	s.known.mu.Unlock()
	var errs []error
	if why := list[everyTable]; why != nil {
		delete(list, everyTable)
		if err := s.missedAll(ctx, c, why); err != nil {
			errs = append(errs, err)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(list)) {
		s.log.Warn("what the log says about a table cannot be understood, as while it is altered; its rows are sent to the remotes because writes may have been missed, deleted ones may stay there: run verify", zap.String("table", table), zap.Error(list[table]))
		if err := c.Missed(ctx, table); err != nil {
			errs = append(errs, fmt.Errorf("table %s: %w", table, err))
			continue
		}
		s.known.mu.Lock()
		delete(s.known.doubtful, table)
		s.known.mu.Unlock()
	}
	return errors.Join(errs...)
}

// missedAll records that writes to all tables may have been missed, once what was committed can be seen, and once more: on MariaDB it
// counts as committed a moment earlier.
func (s *Source) missedAll(ctx context.Context, c capture.WatchConfig, why error) error {
	s.log.Warn("writes may have been missed; the rows of all tables are sent to the remotes, deleted ones stay there: run verify", zap.Error(why))
	s.known.mu.Lock()
	end := s.known.late
	s.known.mu.Unlock()
	for range 2 {
		for range 500 { // if the log is another one by now, it does not tell
			seen, err := s.server.Committed(ctx)
			if err != nil {
				return err
			}
			if seen.Has(end) {
				break
			}
			if err := pause.For(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		for _, table := range c.Synced {
			if err := c.Missed(ctx, table); err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return err
		}
	}
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if s.known.late == end {
		delete(s.known.doubtful, everyTable)
		return nil
	}
	return errPrepared // another one: again
}

// How implements capture.Source.
func (s *Source) How() capture.How { return capture.How{By: config.CaptureLog} }

// Trouble implements capture.Source.
func (s *Source) Trouble() error { return s.through.Cascades.Trouble() }

// Denied implements capture.Source.
func (s *Source) Denied() []capture.Denied { return s.through.Cascades.Denied() }

// Uncaptured implements capture.Source.
func (s *Source) Uncaptured() []string { return s.through.Cascades.Uncaptured() }

// Captures implements capture.Source.
func (s *Source) Captures(table string) bool { return s.through.Cascades.Captures(table) }
