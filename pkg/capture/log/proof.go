package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

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

// proving is a proof that is not at its end yet. Each attempt goes on where the last one ran out of time: a node that is far behind must
// get through, and who looks may hold locks (promise 7).
type proving struct {
	proof
	log    Reader
	own    map[*binlog.Layout]string // the tables that tell something
	met    bool                      // the mark of P
	later  bool                      // another one after it
	seen   *binlog.Committed         // by place: numbers do not tell it if they go back; nil: not asked yet
	last   *binlog.Transaction
	silent int
	heard  time.Time // when the log was last asked
}

// proves finds out whether the log is the one that P is of. The transaction that wrote P stands in it after P, and none after
// that wrote a mark: else P is of a backup, whose restore may be in the log or not. The names of transactions alone prove
// nothing: they repeat after a reset. Rule 6.
func (s *Source) proves(ctx context.Context, f *proof) error {
	p := s.tap.proving
	if p != nil && (p.p.Mark != f.p.Mark || s.waits.Now().Sub(p.heard) > understandMost) { // the log may have been reset in a longer pause
		p.log.Close()
		p = nil
	}
	if p == nil {
		p = s.beginProving(f.p)
		s.tap.proving = p
	}
	p.end = f.end
	err := s.prove(ctx, p)
	if err != nil && ctx.Err() != nil {
		return err
	}
	p.log.Close()
	s.tap.proving, *f = nil, p.proof
	return err
}

func (s *Source) beginProving(r *Recorded) *proving {
	p := &proving{heard: s.waits.Now(), own: map[*binlog.Layout]string{}, proof: proof{
		p: r, done: map[name]bool{}, alters: map[string]*alteration{}, read: r.At.Clone(), written: map[string]bool{}}}
	p.log = s.server.Read(r.At, func(l *binlog.Layout) ([]int, bool) {
		if l.Schema != s.decoder.shapes.schema {
			return nil, false
		}
		p.written[s.decoder.shapes.spelled(l.Table)] = true
		if l.Table != position && l.Table != finished {
			return nil, false
		}
		p.own[l] = l.Table
		columns := make([]int, len(l.Columns))
		for i := range columns {
			columns[i] = i
		}
		return columns, true
	})
	return p
}

// prove reads the log up to its end.
func (s *Source) prove(ctx context.Context, p *proving) error {
	for {
		if all := p.log.Has(p.end); all && (!s.mariaDB || !p.met) {
			break
		} else if all {
			if p.seen == nil {
				c, err := s.server.Committed(ctx)
				if err != nil {
					return err
				}
				p.seen = &c
			}
			if !p.seen.Beyond(p.last) {
				break
			}
		}
		p.heard = s.waits.Now()
		t, err := p.log.Next(ctx)
		switch {
		case errors.Is(err, binlog.ErrGone):
			p.gone, p.why = true, "the server no longer has the log from where it was last read: "+err.Error()
			return nil
		case err != nil:
			return err
		case t == nil && p.seen != nil: // a new file has nothing yet
			p.judge()
			return nil
		case t == nil:
			if p.silent++; p.silent > mostSilent {
				p.gone, p.why = true, "the server no longer has all of the log from where it was last read: it has executed what it does not send"
				return nil
			}
			if p.end, err = s.server.Written(ctx); err != nil { // what was being written may have been given up
				return err
			}
			continue
		}
		if p.last = t; s.mariaDB && t.Piece == 0 && p.read.Has(t.GTID) {
			p.back, p.why = true, "the numbers of the log's transactions go back, as those that mariadb-binlog prints do where they are run again, so what is new cannot be told apart"
			return nil
		}
		s.weigh(p, t)
	}
	p.judge()
	return nil
}

// weigh notes what a transaction tells.
func (s *Source) weigh(p *proving, t *binlog.Transaction) {
	p.read.Add(t.GTID)
	s.decoder.shapes.alters(p.alters, t)
	for i := range t.Changes {
		c := &t.Changes[i]
		switch {
		case c.Kind != binlog.Insert && c.Kind != binlog.Update:
		case p.own[c.Layout] == finished:
			for _, n := range doneIn(c) {
				p.done[n] = true
			}
		case p.own[c.Layout] == position:
			p.later = p.met
			p.met = p.met || slices.ContainsFunc(c.After, func(v binlog.Value) bool { return string(v.Raw) == p.p.Mark })
		}
	}
}

// judge says what follows from whether the mark was met, and another one later.
func (p *proving) judge() {
	switch {
	case !p.met:
		p.why = "it is another log than the one that was last read: it was reset, or the server or the database is another one"
	case p.later: // what the restore wrote is in the log too, and is no one's write
		p.why = "the database was restored from a backup since the log was last read"
	}
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
