package log

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// keeper moves P when there is nothing to record: else the log would be purged up to it, while others write.
type keeper struct {
	at     time.Time // when P last moved
	others bool      // someone else has written since
}

// keepEach is how often P moves without anything to record. Rule 7.
const keepEach = time.Minute

// keep moves P if it is time.
func (s *Source) keep(ctx context.Context) error {
	s.known.mu.Lock()
	due := s.known.keeper.others && s.waits.Now().Sub(s.known.keeper.at) > keepEach
	s.known.mu.Unlock()
	if !due || s.pending.count() > 0 {
		return nil
	}
	to := s.pending.after(nil)
	err := s.server.InTx(ctx, func(tx mysqldb.Tx) error {
		_, err := s.move(ctx, tx, to)
		return err
	})
	if err == nil {
		s.kept(to)
	}
	return err
}

// kept notes that P moved. What it could not pass then may be done by now, or will be by apply alone: so it has to move once more.
func (s *Source) kept(to binlog.Position) {
	rest := s.pending.beyond(to)
	s.known.mu.Lock()
	rest = rest || len(s.known.doubtful) > 0
	s.known.keeper = keeper{at: s.waits.Now(), others: rest}
	s.known.mu.Unlock()
}

// move writes P, with a new mark. While the rows of some table are in doubt P stays: if the node is killed before that is
// recorded, it meets them again.
func (s *Source) move(ctx context.Context, tx mysqldb.Execer, to binlog.Position) (moved bool, err error) {
	s.known.mu.Lock()
	stays := len(s.known.doubtful) > 0
	s.known.mu.Unlock()
	if stays {
		return false, nil
	}
	return true, s.write(ctx, tx, to)
}

func (s *Source) write(ctx context.Context, tx mysqldb.Execer, to binlog.Position) error {
	var mark [16]byte
	_, _ = rand.Read(mark[:]) // it never fails
	text := hex.EncodeToString(mark[:])
	s.known.mu.Lock()
	s.known.marks.write(text)
	s.known.mu.Unlock()
	return s.server.Record(ctx, tx, Recorded{to, text, s.pending.othersAt(to)})
}

// open finds out, once, from where to read.
func (s *Source) open(ctx context.Context) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.pending != nil {
		return nil
	}
	logs, err := s.server.Logs(ctx)
	if err != nil {
		return err
	}
	if !logs {
		return errors.New("the server writes no binary log: add log_bin and binlog_format=ROW to its configuration and restart it")
	}
	f, err := s.proven(ctx)
	if err != nil {
		return err
	}
	if f.why != "" {
		s.rotate(ctx)
		if f.end, err = s.server.Written(ctx); err != nil {
			return err
		}
	}
	from := f.end.Position
	if f.p != nil && f.why == "" {
		from = f.p.At
	}
	s.known.mu.Lock()
	s.start = start{fresh: f.p == nil, foreign: f.why, draining: true, end: f.end, written: f.written}
	s.known.read = binlog.Read{Position: from.Clone()}
	s.known.mu.Unlock()
	s.pending = newPending(from)
	s.decoder.shapes.ahead.begin(from)
	if f.p != nil && f.why == "" {
		s.pending.others = readOthers(f.p.Others)
		s.decoder.shapes.ahead.goOn(from, f.read, f.alters)
		if len(f.done) > 0 {
			s.pending.before = f.done
		}
	}
	return nil
}

// rotate has what follows stand in a file of its own. Where the numbers of transactions go back, MariaDB does not find the present end in
// the file that also has the higher ones. Without the right to do so, found tells.
func (s *Source) rotate(ctx context.Context) {
	if err := s.server.Rotate(ctx); err != nil {
		s.log.Debug("no new file of the log was begun", zap.Error(err))
	}
}

// gone notes that the log can no longer be read from where it was read: nothing is read before the tables are sent as a
// whole; see mend.
func (s *Source) gone(why error) {
	s.known.mu.Lock()
	s.known.broken = fmt.Errorf("the log cannot be read from where it was read: %w", why)
	s.known.mu.Unlock()
	s.tell()
}

func (s *Source) isBroken() error {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	return s.known.broken
}

// tell wakes who resolves doubts.
func (s *Source) tell() {
	select {
	case s.kicks.tell <- struct{}{}:
	default:
	}
}

// mend begins to read at the log's present end, after it was recorded that writes to all tables may have been missed, and
// has that recorded again: the first record's effect may have come before the last of these writes.
func (s *Source) mend(ctx context.Context, tables []string, missed func(context.Context, string) error) error {
	why := s.isBroken()
	if why == nil {
		return nil
	}
	s.rotate(ctx)
	end, err := s.server.Written(ctx)
	if err != nil {
		return err
	}
	s.log.Warn("writes may have been missed; the rows of all tables are sent to the remotes, deleted ones stay there: run verify", zap.Error(why))
	all := func() error {
		for _, table := range tables {
			if err := missed(ctx, table); err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
		}
		return nil
	}
	if err := all(); err != nil {
		return err
	}
	if err := s.server.InTx(ctx, func(tx mysqldb.Tx) error { return s.write(ctx, tx, end.Position) }); err != nil {
		return err
	}
	if err := s.found(ctx); err != nil { // else all would be sent again and again
		return err
	}
	s.pending.begin(end.Position)
	s.decoder.shapes.ahead.begin(end.Position) // no one reads yet
	s.known.mu.Lock()
	s.known.read, s.known.broken = binlog.Read{Position: end.Clone()}, nil
	clear(s.known.doubtful) // they are of the log before
	s.known.mu.Unlock()
	return all()
}
