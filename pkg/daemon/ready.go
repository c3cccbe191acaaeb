package daemon

import (
	"context"
	"math"
	"slices"
	"time"
)

// makeReady has some of the rows that wait tried again where it is time to, or where
// something has changed that they may have waited for.
func (s *sender) makeReady(ctx context.Context, hopeful bool) error {
	now := s.n.now()
	if s.clockSetBack(now) {
		if err := s.recallProbes(ctx, now); err != nil {
			return err
		}
	} else if hopeful {
		for _, p := range s.probes {
			p.hopeful(now)
		}
	}
	s.probed = now
	if err := s.tryFreed(ctx); err != nil {
		return err
	}
	tables, err := s.probesInTurn(ctx, now)
	if err != nil {
		return err
	}
	for _, table := range tables {
		p := s.probes[table]
		rows, all := p.next(now)
		due := now
		if all {
			due = time.UnixMilli(math.MaxInt64)
		}
		found, err := s.n.outbox.Retry(ctx, s.remote, table, due, rows)
		if err != nil {
			return err
		}
		next, more, err := s.n.outbox.NextRetry(ctx, s.remote, table)
		if err != nil {
			return err
		}
		if p.tried(found, next, more, now); found > 0 {
			s.marks.found()
		}
	}
	return s.lookForMarks(ctx, now)
}

// probesInTurn returns the tables of which rows are to be tried now, parents first.
func (s *sender) probesInTurn(ctx context.Context, now time.Time) ([]string, error) {
	var tables []string
	due := 0
	for table, p := range s.probes {
		rows, _ := p.next(now)
		if s.n.mesh.Declines(s.remote, table) || rows == 0 && !p.busy(now) {
			continue
		}
		if tables = append(tables, table); rows > 0 {
			due++
		}
	}
	if due == 0 || len(tables) == 1 {
		return tables[:due], nil
	}
	slices.Sort(tables)
	groups, err := s.n.tables.ParentsFirst(ctx, tables)
	if err != nil {
		return nil, err
	}
	parents := func(table string) (names []string) {
		if t, err := s.n.tables.Table(ctx, table); err == nil { // of one that is not there nothing is known
			for _, f := range t.ForeignKeys {
				names = append(names, f.RefTable)
			}
		}
		return names
	}
	return inTurn(groups, parents, s.probes, now), nil
}

// lookForMarks finds out, seldom, whether there are still marks.
func (s *sender) lookForMarks(ctx context.Context, now time.Time) (err error) {
	if !s.marks.any || s.marks.due || now.Sub(s.marks.asked).Abs() < marksLook {
		return nil
	}
	s.marks.asked = now
	s.marks.any, err = s.n.outbox.Holds(ctx, s.remote)
	return err
}

// recallProbes begins with the rows that wait by the own tables. None is due later than
// it would be by the clock as it is now.
func (s *sender) recallProbes(ctx context.Context, now time.Time) error {
	tables, err := s.n.outbox.WaitingTables(ctx, s.remote)
	if err != nil {
		return err
	}
	s.probes = map[string]*probe{}
	for _, t := range tables {
		if err := s.n.outbox.RetryBy(ctx, s.remote, t, now.Add(lateLongest)); err != nil {
			return err
		}
		s.probes[t] = &probe{}
		s.probes[t].hopeful(now)
	}
	return nil
}

// probe returns the probe of a table.
func (s *sender) probe(table string) *probe {
	p := s.probes[table]
	if p == nil {
		p = &probe{}
		s.probes[table] = p
	}
	return p
}
