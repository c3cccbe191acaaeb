package log

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
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
		list, err := s.through.Cascades.Unseen(ctx, tables, keys)
		if err != nil {
			return nil, err
		}
		return s.unlogged(ctx, list)
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
