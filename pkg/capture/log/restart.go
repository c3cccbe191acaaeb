package log

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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

// proof is what the log says of P.
type proof struct {
	p    *Recorded      // nil: there is none
	end  binlog.Written // how far the log is written
	why  string         // the log is not the one that P is of; empty: it is
	gone bool           // it is, or another one, and the server cannot send it from P
	back bool           // the numbers of its transactions go back
	done map[name]bool  // what is done though P does not pass it
	// alters is what is done to tables after P. Rows before it must be known for what they are when they are read: P may pass them, and
	// the node end, before that is read.
	alters  map[string]*alteration
	read    binlog.Position // up to where they were looked for
	written map[string]bool // the tables of which there are rows after P
}

// proven returns what the log says of P; see proves. P may move after it was read, with a new mark: someone else records, or a
// COMMIT arrives that was not answered. That transaction may be in the log and not be seen yet. So a verdict counts only if P is
// the same once who moves it is done.
func (s *Source) proven(ctx context.Context) (f proof, err error) {
	for settled := false; ; settled = true {
		if f.p, err = s.server.Recorded(ctx, settled); err != nil {
			return f, err
		}
		if f.end, err = s.server.Written(ctx); err != nil {
			return f, err
		}
		f.why = ""
		if f.p != nil {
			if err = s.proves(ctx, &f); err != nil {
				return f, err
			}
		}
		if f.why == "" {
			f.why = s.earlier(f.p)
		}
		if f.why == "" || f.p == nil && settled {
			return f, nil
		}
		now, err := s.server.Recorded(ctx, true)
		if err != nil || now != nil && f.p != nil && now.Mark == f.p.Mark {
			return f, err
		}
	}
}

// earlier says what is wrong with P if it is not one that the database can have after what this run has read; "" if nothing is.
func (s *Source) earlier(p *Recorded) string {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	switch m := &s.known.marks; {
	case p == nil && !m.allow(""):
		return "sync_log was emptied since the log was last read"
	case p != nil && !m.allow(p.Mark):
		return "the database is in an earlier state than when its log was last read, as after a failover to a replica that lagged, or where an older copy of its files was put back"
	}
	return ""
}

// proves finds out whether the log is the one that P is of. The transaction that wrote P stands in it after P, and none after
// that wrote a mark: else P is of a backup, whose restore may be in the log or not. The names of transactions alone prove
// nothing: they repeat after a reset. Rule 6.
func (s *Source) proves(ctx context.Context, f *proof) error {
	known := map[*binlog.Layout]string{}
	r := s.server.Read(f.p.At, func(l *binlog.Layout) ([]int, bool) {
		if l.Schema == s.decoder.shapes.schema {
			f.written[s.decoder.shapes.spelled(l.Table)] = true
		}
		if l.Schema != s.decoder.shapes.schema || l.Table != position && l.Table != finished {
			return nil, false
		}
		known[l] = l.Table
		columns := make([]int, len(l.Columns))
		for i := range columns {
			columns[i] = i
		}
		return columns, true
	})
	defer r.Close()
	met, later := false, false
	f.why, f.gone, f.back, f.done, f.alters, f.read, f.written = "", false, false, map[name]bool{}, map[string]*alteration{}, f.p.At.Clone(), map[string]bool{}
	var seen *binlog.Committed // by place: numbers do not tell it if they go back
	last, silent := (*binlog.Transaction)(nil), 0
	for {
		if all := r.Has(f.end); all && (!s.mariaDB || !met) {
			break
		} else if all {
			if seen == nil {
				c, err := s.server.Committed(ctx)
				if err != nil {
					return err
				}
				seen = &c
			}
			if !seen.Beyond(last) {
				break
			}
		}
		t, err := r.Next(ctx)
		switch {
		case errors.Is(err, binlog.ErrGone):
			f.gone, f.why = true, "the server no longer has the log from where it was last read: "+err.Error()
			return nil
		case err != nil:
			return err
		case t == nil && seen != nil: // a new file has nothing yet
			return f.judge(met, later)
		case t == nil:
			if silent++; silent > mostSilent {
				f.gone, f.why = true, "the server no longer has all of the log from where it was last read: it has executed what it does not send"
				return nil
			}
			if f.end, err = s.server.Written(ctx); err != nil { // what was being written may have been given up
				return err
			}
			continue
		}
		if last = t; s.mariaDB && t.Piece == 0 && f.read.Has(t.GTID) {
			f.back, f.why = true, "the numbers of the log's transactions go back, as those that mariadb-binlog prints do where they are run again, so what is new cannot be told apart"
			return nil
		}
		f.read.Add(t.GTID)
		s.decoder.shapes.alters(f.alters, t)
		for i := range t.Changes {
			c := &t.Changes[i]
			switch {
			case c.Kind != binlog.Insert && c.Kind != binlog.Update:
			case known[c.Layout] == finished:
				for _, n := range doneIn(c) {
					f.done[n] = true
				}
			case known[c.Layout] == position:
				later = met
				met = met || slices.ContainsFunc(c.After, func(v binlog.Value) bool { return string(v.Raw) == f.p.Mark })
			}
		}
	}
	return f.judge(met, later)
}

// judge says what follows from whether the mark was met, and another one later.
func (f *proof) judge(met, later bool) error {
	switch {
	case !met:
		f.why = "it is another log than the one that was last read: it was reset, or the server or the database is another one"
	case later: // what the restore wrote is in the log too, and is no one's write
		f.why = "the database was restored from a backup since the log was last read"
	}
	return nil
}

// mostSilent is how many heartbeats a start waits for what the server says that it has written.
const mostSilent = 10

// found makes sure that the log has what was written as P: else no write of this database is in it.
func (s *Source) found(ctx context.Context) error {
	f, err := s.proven(ctx)
	switch {
	case err != nil || f.why == "":
	case f.gone || f.back:
		err = fmt.Errorf("capture: the log cannot be read from its present end: %s. Run FLUSH BINARY LOGS at the server; on MariaDB, gtid_strict_mode=ON keeps the numbers of transactions in order", f.why)
	default:
		err = fmt.Errorf("capture: the log lacks what the node itself writes: %s. %s", excluded.What, excluded.Do)
	}
	return err
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
