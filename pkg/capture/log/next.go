package log

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

const (
	batchSize  = 1000                   // the most writes that one transaction records
	restMost   = 500 * time.Millisecond // how long Next waits for something
	gather     = time.Millisecond       // how long it waits for more
	gatherMost = 10 * time.Millisecond  // how long it reads on while there is more
	lone       = 2 * gather             // after so long without any, a write is recorded at once
	seenMost   = 100 * time.Millisecond // how long it waits until what was read can be seen
)

// Next implements capture.Source.
func (s *Source) Next(ctx context.Context) (capture.Batch, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if b, err := s.drain(ctx); b != nil || err != nil {
		return b, err
	}
	if err := s.follow(ctx); err != nil {
		return nil, err
	}
	items, err := s.seen(ctx)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, s.keep(ctx)
	}
	return &batch{s, items}, nil
}

// drain yields what table_changes had when the log began to be read.
func (s *Source) drain(ctx context.Context) (capture.Batch, error) {
	if !s.isDraining() {
		return nil, nil
	}
	b, err := s.through.Cascades.Next(ctx)
	if b == nil && err == nil {
		s.known.mu.Lock()
		s.start.draining = false
		s.known.mu.Unlock()
	}
	return b, err
}

// follow reads until there is something to record, for a while.
func (s *Source) follow(ctx context.Context) error {
	rest, cancel := s.waits.Limit(ctx, restMost)
	defer cancel()
	if s.isCrowded() {
		if err := s.await(ctx); err != nil {
			return err
		}
		return s.sweep(ctx)
	}
	begun, read := s.waits.Now(), false
	for s.pending.count() == 0 {
		if err := s.step(rest, nil); err != nil {
			return timely(rest, err)
		}
		read = true
	}
	if read && s.waits.Now().Sub(begun) > lone {
		return ctx.Err()
	}
	for since := s.waits.Now(); ; {
		before := s.pending.count()
		done, err := s.gather(ctx)
		if done || err != nil {
			return err
		}
		if s.pending.count() == before || s.waits.Now().Sub(since) > gatherMost {
			return nil
		}
	}
}

// gather reads until a batch is full, or for a moment, but once in any case, as only who reads hears that the log is another one.
func (s *Source) gather(ctx context.Context) (full bool, err error) {
	more, cancel := s.waits.Limit(ctx, gather)
	defer cancel()
	for {
		if err := s.step(more, nil); err != nil {
			return false, timely(more, err)
		}
		if s.pending.count() >= batchSize {
			return true, ctx.Err()
		}
	}
}

// timely is nil if a step ended because its time is up, or nothing more may be read.
func timely(ctx context.Context, err error) error {
	if errors.Is(err, errFull) || ctx.Err() != nil {
		return nil
	}
	return err
}

// seen returns what can be recorded: what can be seen in the tables once the versions can. If these were seen earlier, the sender
// would send the row of before as that of the new version, and nothing would correct it. On MariaDB that needs no question: it commits
// in the order of its log, and the versions are logged after what they are of. Rule 3.
func (s *Source) seen(ctx context.Context) ([]*item, error) {
	if s.pending.count() == 0 {
		return nil, nil
	}
	if s.mariaDB {
		items := s.pending.front(batchSize, func(*binlog.Transaction) bool { return true })
		return items, s.visible(ctx, items)
	}
	for begun := s.waits.Now(); ; {
		c, err := s.server.Committed(ctx)
		if err != nil {
			return nil, err
		}
		if items := s.pending.front(batchSize, c.Has); len(items) > 0 || s.waits.Now().Sub(begun) > seenMost {
			return items, nil
		}
		if err := pause.For(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// visible waits until what was prepared can be seen: on MariaDB XA COMMIT does not keep to the log's order. The rows' locks tell.
func (s *Source) visible(ctx context.Context, items []*item) error {
	byTable := map[string][]string{}
	for _, i := range items {
		if i.of.from != nil {
			byTable[*i.table] = append(byTable[*i.table], i.key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byTable)) {
		keys := byTable[name]
		t, err := s.decoder.shapes.tables.Table(ctx, name)
		if err != nil {
			continue // it is gone, and so are its rows
		}
		if err := s.server.Lock(ctx, t, keys); err != nil {
			return err
		}
	}
	return nil
}

// batch is what can be recorded.
type batch struct {
	s     *Source
	items []*item
}

// Entries implements capture.Batch.
func (b *batch) Entries() []capture.Entry {
	list := make([]capture.Entry, len(b.items))
	for i, x := range b.items {
		list[i] = x.entry()
	}
	return list
}

// Consume implements capture.Batch. It moves P.
func (b *batch) Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, then ...mysqldb.Query) error {
	s := b.s
	if err := s.past(ctx, w); err != nil {
		return err
	}
	if !s.pending.has(b.items) {
		return capture.ErrConsumed
	}
	if list := noted(b.items); len(list) > 0 {
		if err := s.through.Cascades.Consume(ctx, tx, w, list); err != nil {
			return err
		}
	}
	to := s.pending.after(b.items)
	moved, err := s.move(ctx, tx, to)
	if err != nil {
		return err
	}
	whole := never
	if moved {
		whole = to.Has
	}
	if err := s.tellDone(ctx, tx, byCapture, names(b.items, whole)); err != nil {
		return err
	}
	if err := s.db.Together(ctx, tx, false, then...); err != nil {
		return err
	}
	w.After(func() {
		s.pending.settle(b.items)
		s.kept(to)
	})
	return nil
}

// past reads past transactions whose COMMIT was not answered, if there were any: they have ended by now, and the log tells what
// they have done.
func (s *Source) past(ctx context.Context, w *version.Writing) error {
	if s.waited == w.Doubts() {
		return nil
	}
	end, err := s.server.Written(ctx)
	if err == nil {
		err = s.until(ctx, end, math.MaxInt)
	}
	if err != nil && !s.pending.full() { // else what is here must be recorded first
		return err
	}
	s.waited = w.Doubts()
	return nil
}
