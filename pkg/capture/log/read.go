package log

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// No goroutine reads the log by itself: who needs more of it reads, while the others wait for what that brings.

// barrierMost is how long who holds locks waits for the log to be read. Promise 7.
const barrierMost = 2 * time.Second

// understandMost is how long the server may take to say what is in the log: definitions, characters, equal spellings.
const understandMost = 10 * time.Second

// silentMost is how long nothing is heard until that counts as a heartbeat: a server that others keep busy sends none.
const silentMost = 2 * time.Second

// errFull says that what was read has to be recorded before more can be read.
var errFull = errors.New("changes are written faster than they are recorded")

// until reads until all is read that was written then, or most writes are pending. It fails as a lock does that is not granted in time.
func (s *Source) until(ctx context.Context, w binlog.Written, most int) error {
	limited, cancel := s.waits.Limit(ctx, barrierMost)
	defer cancel()
	for {
		moved, there := s.reached(w)
		if there || s.pending.count() >= most {
			return nil
		}
		err := s.step(limited, moved)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() != nil || errors.Is(err, errFull):
			return fmt.Errorf("wait until the log is read: %w", mysqldb.Answer(lockWaitTimeout, "the log is not read up to the row's last change yet"))
		default:
			return err
		}
	}
}

const lockWaitTimeout = 1205

// reached reports whether all is read that was written then, and else when to look again.
func (s *Source) reached(w binlog.Written) (<-chan struct{}, bool) {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if s.known.read.Reached(w) {
		return nil, true
	}
	if s.known.moved == nil {
		s.known.moved = make(chan struct{})
	}
	return s.known.moved, false
}

// step reads one transaction, or waits until another has.
func (s *Source) step(ctx context.Context, moved <-chan struct{}) error {
	taken, err := s.waits.Turn(ctx, s.tap.held, moved)
	if !taken || err != nil {
		return err
	}
	defer func() { <-s.tap.held }()
	return s.one(ctx)
}

// one reads one transaction.
func (s *Source) one(ctx context.Context) error {
	if s.pending.full() {
		return errFull
	}
	// What was read must be understood, although the time to wait for more is over.
	understanding, cancel := s.waits.Limit(context.WithoutCancel(ctx), understandMost)
	defer cancel()
	s.tap.asking = understanding
	if err := s.isBroken(); err != nil {
		return err
	}
	if s.tap.reader == nil {
		if err := s.same(understanding); err != nil { // who waits for a moment would never find out
			return err
		}
		there, err := s.server.Written(understanding)
		if err != nil {
			return err
		}
		s.tap.clock.there = &there
		s.tap.clock.reached(binlog.Read{Position: s.position()})
		s.tap.reader = s.server.Read(s.position(), s.decoder.shapes.wants)
		clear(s.decoder.shapes.known)
		s.tap.heard = s.waits.Now()
	}
	t, err := s.hear(ctx, understanding)
	if t == nil || err != nil {
		return err
	}
	if err := s.decoder.shapes.settle(understanding); err != nil {
		s.tap.next = t
		return err
	}
	s.tap.next, s.tap.quiet = nil, quiet{}
	m, err := s.decoder.decode(understanding, t)
	if err != nil {
		s.close() // it is read again
		return fmt.Errorf("understand the log: %w", err)
	}
	s.credit(m)
	s.pending.finish(m)
	if !s.pending.knows(t) {
		m.doubt[everyTable] = errPrepared
	}
	m.doubt = s.pending.doubts(t, m.doubt)
	for _, table := range s.decoder.shapes.moved {
		m.doubt[table] = errors.New("its primary key has changed")
	}
	s.decoder.shapes.moved = nil
	s.meant(m, t) // before P can pass it: what is in doubt holds P
	s.pending.add(t, m.items, m.at)
	if !t.Last {
		return nil
	}
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	s.known.crowd.read(s.waits.Now(), s.tap.reader.More())
	s.known.read.Add(t.GTID)
	s.tap.clock.reached(s.known.read)
	if s.pending.before != nil && s.known.read.Reached(s.start.end) {
		s.pending.before = nil
	}
	for _, table := range s.decoder.shapes.ahead.reached(s.known.read) {
		s.decoder.shapes.forget(table)
		s.tap.reader.Forget()
	}
	s.decoder.shapes.ahead.rests()
	if s.known.moved != nil {
		close(s.known.moved)
		s.known.moved = nil
	}
	return nil
}

// hear returns the next transaction, or nil if there is none.
func (s *Source) hear(ctx, understanding context.Context) (*binlog.Transaction, error) {
	if s.tap.next != nil {
		return s.tap.next, nil
	}
	t, err := s.tap.reader.Next(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.close()
			if errors.Is(err, binlog.ErrGone) {
				if _, why := s.server.Written(understanding); errors.Is(why, binlog.ErrNameless) {
					err = why
				}
				s.gone(err)
			}
		} else if s.waits.Now().Sub(s.tap.heard) > silentMost {
			s.tap.heard = s.waits.Now()
			return nil, cmp.Or(s.beat(understanding), err)
		}
		return nil, err
	}
	s.tap.heard = s.waits.Now()
	if t == nil {
		return nil, s.beat(understanding) // it is heard once
	}
	if err := s.decoder.shapes.failed; err != nil {
		s.decoder.shapes.failed = nil
		s.close() // it is read again
		return nil, fmt.Errorf("understand the log: %w", err)
	}
	return t, nil
}

// beat has the reader connect again, and so prove the log, if the server says that nothing happened although it has written
// more than it has sent, or less than was read: after a reset it may go on waiting at the end of the file that it had, as the
// new one has the same name. Rule 6.
func (s *Source) beat(ctx context.Context) error {
	q := &s.tap.quiet
	if q.proved {
		return nil
	}
	w, err := s.server.Written(ctx)
	if err != nil {
		return err
	}
	if q.written != nil && !s.tap.reader.Has(*q.written) || w.Lacks(binlog.Read{Position: s.position()}) {
		q.proved = true
		s.close()
	}
	q.written = &w
	return nil
}

var errPrepared = errors.New("a transaction has committed that was prepared (XA) before the log was read; it may have written any table")

// same makes sure that a reader that connects again gets the log that was read before: the names of transactions repeat
// after a reset. Rule 6. Far behind the log's end it takes several attempts.
func (s *Source) same(ctx context.Context) error {
	if !s.tap.again {
		s.tap.again = true
		return nil
	}
	limited, cancel := s.waits.Limit(ctx, barrierMost)
	defer cancel()
	f, err := s.proven(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return mysqldb.Answer(lockWaitTimeout, "the log is not looked through yet for whether it is the one that was read")
	}
	if err == nil && f.why != "" {
		err = errors.New(f.why)
		s.gone(err)
	}
	if err == nil && f.p != nil {
		s.decoder.shapes.ahead.goOn(s.position(), f.read, f.alters)
	}
	if errors.Is(err, binlog.ErrNameless) { // what is written now is not sent to who reads on by names
		s.gone(err)
	}
	return err
}

// renewed finds out whether the log, which lacks what was read, was reset.
func (s *Source) renewed(ctx context.Context) error {
	limited, cancel := s.waits.Limit(ctx, barrierMost)
	defer cancel()
	if taken, err := s.waits.Turn(limited, s.tap.held, nil); !taken || err != nil {
		return err
	}
	defer func() { <-s.tap.held }()
	if err := s.isBroken(); err != nil {
		return err
	}
	if s.tap.reader != nil {
		s.close()
	}
	s.tap.again = true
	return s.same(limited)
}

// close has the next reading begin after what was read whole.
func (s *Source) close() {
	s.tap.reader.Close()
	s.tap.reader, s.tap.next = nil, nil
}

// position returns what was read whole.
func (s *Source) position() binlog.Position {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	return s.known.read.Clone()
}

// meant tells what a transaction says besides its rows.
func (s *Source) meant(m *meaning, t *binlog.Transaction) {
	now := s.waits.Now()
	for _, table := range m.lost {
		s.log.Warn("a statement removed rows that the log does not list, as TRUNCATE does; they stay at the remotes: empty the table there too, or get the rows back with resync there", zap.String("table", table))
		if s.Lost != nil {
			s.Lost(table, now)
		}
	}
	for _, table := range m.other {
		s.decoder.shapes.forget(table)
	}
	if m.any {
		s.decoder.shapes.forgetAll()
	}
	if m.any || len(m.other) > 0 {
		s.tap.reader.Forget()
	}
	if m.stated {
		select {
		case s.kicks.altered <- struct{}{}:
		default:
		}
	}
	s.known.mu.Lock()
	for _, mark := range m.marks {
		s.known.marks.read(mark)
	}
	s.doubted(m.doubt, t)
	if len(m.marks) == 0 && len(t.Changes) == 0 || len(m.items) > 0 {
		s.known.keeper.others = true
	}
	s.known.mu.Unlock()
	if len(m.doubt) > 0 {
		s.tell()
	}
}

// credit says to whom what was counted is credited.
func (s *Source) credit(m *meaning) {
	origin, asked := "", s.Credited == nil
	for _, i := range m.items {
		if i.rare == nil {
			continue
		}
		for k := range i.rare.counted {
			if !asked {
				origin, asked = s.Credited(m.at), true
			}
			i.rare.counted[k].At, i.rare.counted[k].Origin = m.at, origin
		}
	}
}
