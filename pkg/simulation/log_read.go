package simulation

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// openLog makes the source of a new process, if it captures from the log.
func (n *node) openLog(ctx context.Context) bool {
	if n.binary == nil {
		return true
	}
	all := func(string) bool { return true }
	n.readTo = binlog.Position{}
	n.source = log.On(zap.NewNop(), log.Played{Server: logServer{n}, Waits: logWaits{n}, Tables: logTables{}, Schema: schemaName, MariaDB: n.binary.mariaDB,
		Clock: func() int64 { return math.MaxInt64 }},
		log.Config{Syncs: all}, log.Triggers{Cascades: noTriggers{}, Rows: noTriggers{}})
	for range pause.Even(ctx, time.Second) {
		unseen, err := n.source.Unseen(ctx, []*schema.Table{parents, children}, nil)
		if err == nil && len(unseen) > 0 {
			n.w.fail("promise 1: %s takes the log for another: %s", n.name, unseen[0].Reason)
		}
		if err == nil && n.source.Arm(ctx, []*schema.Table{parents, children}, nil) == nil {
			return true
		}
	}
	return false
}

// logServer is a node's log.Server.
type logServer struct{ n *node }

func (s logServer) Logs(context.Context) (bool, error)                  { return true, s.n.step() }
func (s logServer) Written(context.Context) (binlog.Written, error)     { return s.n.written(false) }
func (s logServer) Committed(context.Context) (binlog.Committed, error) { return s.n.committed() }

func (s logServer) NamesColumns(context.Context) (bool, error) { return true, s.n.step() }
func (s logServer) Rotate(context.Context) error               { return s.n.step() }

func (s logServer) Recorded(_ context.Context, settled bool) (*log.Recorded, error) {
	n := s.n
	if err := n.step(); err != nil {
		return nil, err
	}
	if settled {
		if err := n.lockP(); err != nil {
			return nil, err
		}
	}
	p := n.binary.p
	p.At = p.At.Clone()
	return &p, n.step()
}

// lockP waits until nobody moves P: who does has its row locked.
func (n *node) lockP() error {
	for slices.ContainsFunc(n.hanging, func(t *transaction) bool { return t.moves }) {
		if err := n.step(); err != nil {
			return err
		}
	}
	return nil
}

// Record moves P in the transaction.
func (s logServer) Record(_ context.Context, tx mysqldb.Execer, p log.Recorded) error {
	n := s.n
	if err := n.lockP(); err != nil {
		return err
	}
	x := tx.(recording).x
	p.At = n.mistakenly(p.At)
	x.moved = &p
	if n.w.mistake == LogMoveApart {
		n.binary.p = *x.moved
		n.log(&binlog.Transaction{Changes: []binlog.Change{changed(marksLayout, binlog.Update, p.Mark, p.At.String())}}, false, nil)
		x.moved = nil
	}
	return n.step()
}

// Done has the transaction name what is done.
func (s logServer) Done(_ context.Context, tx mysqldb.Execer, _ int, names []byte) error {
	if done := tx.(recording).done; s.n.w.mistake != LogForgetDone {
		*done = append(*done, changed(doneLayout, binlog.Update, "", string(names)))
	}
	return nil
}

// mistakenly is where P moves by mistake.
func (n *node) mistakenly(at binlog.Position) binlog.Position {
	at = at.Clone()
	for _, e := range n.binary.list {
		switch {
		case at.Has(e.t.GTID):
		case n.w.mistake == LogMoveToRead && n.readTo.Has(e.t.GTID),
			n.w.mistake == LogPassPrepared && (e.t.XA.Phase != binlog.Ordinary || !e.foreign):
			at.Add(e.t.GTID)
		default:
			return at
		}
	}
	return at
}

func (s logServer) InTx(_ context.Context, f func(tx mysqldb.Tx) error) error {
	n := s.n
	x := &capturing{n: n}
	if err := f(recording{x: x, done: &x.done}); err != nil {
		return err
	}
	return n.commit(&transaction{do: x.commit, logs: x.logs, moves: x.moved != nil})
}

// Lock waits until nobody has the rows locked.
func (s logServer) Lock(_ context.Context, _ *schema.Table, keys []string) error {
	n := s.n
	for {
		if err := n.step(); err != nil {
			return err
		}
		if n.w.mistake == LogTrustXA || !slices.ContainsFunc(keys, func(key string) bool { return n.locks[n.w.named(key)] != free }) {
			return nil
		}
	}
}

// recording is a transaction in which P moves.
type recording struct {
	mysqldb.Tx
	x    *capturing // nil: apply's
	done *[]binlog.Change
}

// logTables are the definitions of the tables.
type logTables struct{}

func (logTables) Table(_ context.Context, name string) (*schema.Table, error) {
	return server{}.Table(ctx, name)
}
func (logTables) Forget(string) {}

// logWaits waits in simulated time.
type logWaits struct{ n *node }

func (w logWaits) Now() time.Time { return w.n.w.time() }

func (w logWaits) Limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return limited{ctx, w.n.w, w.n.w.now + d.Microseconds(), d > 100*time.Millisecond}, func() {}
}

func (w logWaits) Turn(ctx context.Context, held chan<- struct{}, moved <-chan struct{}) (bool, error) {
	for ctx.Err() == nil {
		select { // one select would draw lots
		case <-moved:
			return false, nil
		default:
		}
		select {
		case held <- struct{}{}:
			return true, nil
		default:
		}
		if err := w.n.step(); err != nil {
			return false, err
		}
	}
	return false, ctx.Err()
}

// limited is a context that ends at a time.
type limited struct {
	context.Context
	w     *world
	until int64
	rests bool // it is not short
}

func (l limited) Err() error {
	if err := l.Context.Err(); err != nil {
		return err
	}
	if l.w.now >= l.until {
		return context.DeadlineExceeded
	}
	return nil
}

// Read returns a reader of the log.
func (s logServer) Read(from binlog.Position, wants func(*binlog.Layout) ([]int, bool)) log.Reader {
	return &logReader{n: s.n, read: binlog.Read{Position: from.Clone()}, wants: wants, asked: map[*binlog.Layout]bool{}}
}

// logReader is a connection on which the server sends its log.
type logReader struct {
	n      *node
	read   binlog.Read
	at     int // of the next transaction
	wants  func(*binlog.Layout) ([]int, bool)
	asked  map[*binlog.Layout]bool // by whether it is wanted
	closed bool
}

func (r *logReader) Has(w binlog.Written) bool { return r.read.Reached(w) }
func (r *logReader) More() bool                { return false }
func (r *logReader) Forget()                   { clear(r.asked) }
func (r *logReader) Close()                    { r.closed = true }

var errCut = errors.New("the connection on which the log is read is lost")

// Next returns the next transaction, or waits for one.
func (r *logReader) Next(ctx context.Context) (*binlog.Transaction, error) {
	n := r.n
	if err := n.pause(n.w.random(n.w.tempo.read)); err != nil {
		return nil, err
	}
	if !n.w.calm && n.w.r.IntN(50) == 0 {
		return nil, errCut
	}
	for list := n.binary.list; r.at < len(list); r.at++ {
		if t := list[r.at].t; !r.read.Has(t.GTID) {
			r.read.Add(t.GTID)
			return r.give(t), nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l, ok := ctx.(limited)
	delay := int64(second)
	switch {
	case ok && l.rests && n.w.running == n.capturing && n.w.now > n.readAt+3*60*second: // P has moved since
		delay = -1
	case ok:
		delay = max(l.until-n.w.now, 1)
	}
	if err := n.nap(delay); err != nil {
		return nil, err
	}
	return nil, ctx.Err()
}

// give returns a transaction with what is wanted of it.
func (r *logReader) give(t *binlog.Transaction) *binlog.Transaction {
	c := *t
	c.Changes = nil
	for _, one := range t.Changes {
		wanted, asked := r.asked[one.Layout]
		if !asked {
			_, wanted = r.wants(one.Layout)
			r.asked[one.Layout] = wanted
		}
		if wanted {
			c.Changes = append(c.Changes, one)
		}
	}
	if r.n.w.mistake == LogTrustPrepared {
		c.XA = binlog.XA{}
	}
	r.n.readTo.Add(c.GTID)
	r.n.readAt = r.n.w.now
	r.n.w.trace("%s reads %v %v: %d of %d", r.n.name, c.GTID, c.XA, len(c.Changes), len(t.Changes))
	return &c
}

// noTriggers are none.
type noTriggers struct{ capture.Source }

func (noTriggers) Unseen(context.Context, []*schema.Table, []schema.ForeignKey) ([]capture.Unseen, error) {
	return nil, nil
}
func (noTriggers) Arm(context.Context, []*schema.Table, []schema.ForeignKey) error { return nil }
func (noTriggers) Next(context.Context) (capture.Batch, error)                     { return nil, nil }

// asks asks the source which writes of some rows wait. Who asks for a decision has the rows locked.
func (n *node) asks(table string, keys []string) (list []capture.Entry, err error) {
	w, err := n.written(true)
	if err != nil {
		return nil, err
	}
	return n.waiting(table, keys, w)
}

func (n *node) waiting(table string, keys []string, w binlog.Written) (list []capture.Entry, err error) {
	switch n.w.mistake {
	case LogNoWait:
		w = binlog.Written{}
	case LogDecideFirst:
		if list, err = n.source.Waiting(ctx, table, keys, binlog.Written{}); err != nil {
			return nil, err
		}
		_, err = n.source.Waiting(ctx, table, keys, w)
		return list, err
	}
	list, err = n.source.Waiting(ctx, table, keys, w)
	for tries := 0; err == nil && n.w.mistake == LogWaitForRecorded && len(list) > 0; tries++ {
		if tries == 3 {
			n.w.fail("promise 7: who decides about a row waits for capture, which waits for it")
			return nil, errLocked
		}
		if err = n.pause(60 * second); err == nil {
			list, err = n.source.Waiting(ctx, table, keys, w)
		}
	}
	return list, err
}

// settles has the source take entries for done once a transaction has committed.
func (n *node) settles(tx recording, w *version.Writing, entries []capture.Entry) error {
	if n.w.mistake != LogSettleEarly {
		return n.source.Consume(ctx, tx, w, entries)
	}
	return n.stream.Decide(ctx, nil, func(w *version.Writing) error { return n.source.Consume(ctx, tx, w, entries) })
}
