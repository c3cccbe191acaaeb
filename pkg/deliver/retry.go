package deliver

import (
	"context"
	"math"
	"slices"
	"time"
)

// makeReady retries some of the waiting rows when their time has come, or when something has changed that they may have
// waited for.
func (s *Sender) makeReady(ctx context.Context, hopeful bool) error {
	now := s.c.Now()
	if s.looked.clockSetBack(now) {
		if err := s.recallProbes(ctx, now); err != nil {
			return err
		}
	} else if hopeful {
		for _, p := range s.probes {
			p.hopeful(now)
		}
	}
	s.looked.at = now
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
		found, err := s.c.Outbox.Retry(ctx, s.remote, table, due, rows)
		if err != nil {
			return err
		}
		next, more, err := s.c.Outbox.NextRetry(ctx, s.remote, table)
		if err != nil {
			return err
		}
		if p.tried(found, next, more, now); found > 0 {
			s.marks.found()
		}
	}
	return s.lookForMarks(ctx, now)
}

// probesInTurn returns the tables whose rows are to be tried now, parents first.
func (s *Sender) probesInTurn(ctx context.Context, now time.Time) ([]string, error) {
	var tables []string
	due := 0
	for table, p := range s.probes {
		rows, _ := p.next(now)
		if s.declines(table) || s.held[table] || rows == 0 && !p.busy(now) {
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
	groups, err := s.c.Tables.ParentsFirst(ctx, tables)
	if err != nil {
		return nil, err
	}
	return inTurn(groups, func(table string) []string { return s.c.Tables.Parents(ctx, table) }, s.probes, now), nil
}

// lookForMarks checks, rarely, whether there are still marks; and if there were none, more rarely, whether there are some of
// which no one told: the answer of a COMMIT may have been lost.
func (s *Sender) lookForMarks(ctx context.Context, now time.Time) error {
	m := &s.marks
	every := marksLook
	if !m.any {
		every = marksUntold
	}
	if m.due || now.Sub(m.asked).Abs() < every {
		return nil
	}
	m.asked = now
	holds, err := s.c.Outbox.Holds(ctx, s.remote)
	if err != nil {
		return err
	}
	if holds && !m.any {
		m.found()
	}
	m.any = holds
	return nil
}

// recallProbes restores the probes from the rows that wait in the node's tables. None is due later than it would be by
// the current clock.
func (s *Sender) recallProbes(ctx context.Context, now time.Time) error {
	tables, err := s.c.Outbox.WaitingTables(ctx, s.remote)
	if err != nil {
		return err
	}
	s.probes = nil
	for _, t := range tables {
		if err := s.c.Outbox.RetryBy(ctx, s.remote, t, now.Add(lateLongest)); err != nil {
			return err
		}
		s.probes.of(t).hopeful(now)
	}
	return nil
}

// look is when something was last checked.
type look struct{ at time.Time }

// clockSetBack reports whether the times at which waiting rows are due may lie too far ahead: the clock was set back
// since the last check, or, without one, it may have been.
func (l look) clockSetBack(now time.Time) bool {
	if l.at.IsZero() {
		return true
	}
	// Round strips the monotonic clock reading.
	return now.Round(0).Sub(l.at.Round(0)) < now.Sub(l.at)-time.Second
}

// tryFreed retries the rows that, as the remote says, it now has.
func (s *Sender) tryFreed(ctx context.Context) error {
	for _, list := range s.inbox.freed.Take() {
		for part := range slices.Chunk(list, freedRows) {
			if err := s.c.Tables.Identify(ctx, part); err != nil {
				return err
			}
			found, err := s.c.Outbox.RetryRows(ctx, s.remote, part)
			if err != nil {
				return err
			}
			if found > 0 {
				s.marks.found()
			}
		}
	}
	return nil
}

// freedRows is how many are looked up at a time.
const freedRows = 1000
