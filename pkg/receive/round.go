package receive

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// What a round takes in: as much as one transaction may write, and a message more.
const (
	roundRows  = apply.MostRows
	roundBytes = apply.MostBytes
)

// rounds applies what the lanes have ready until ctx ends. What is ready together is applied together.
func (r *Receiver) rounds(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if at, ok := r.applier.Due(); ok {
			again = time.After(max(at.Sub(r.Now()), 0))
		}
		var turns []turn
		select {
		case <-ctx.Done():
			return nil
		case x := <-r.ready:
			turns = r.more(x)
		case <-again:
		}
		r.Beat.Begin(r.Now())
		r.finish(ctx, turns)
		r.Beat.End()
	}
}

// more adds to a turn what is ready as well, until the round is full.
func (r *Receiver) more(first turn) []turn {
	turns := []turn{first}
	rows, bytes := first.size()
	for rows < roundRows && bytes < roundBytes {
		select {
		case t := <-r.ready:
			n, size := t.size()
			turns, rows, bytes = append(turns, t), rows+n, bytes+size
		default:
			return turns
		}
	}
	return turns
}

// finish applies a round and answers its messages.
func (r *Receiver) finish(ctx context.Context, turns []turn) {
	if !r.apply(ctx, turns) {
		return // the node stops; what is not acked comes again
	}
	for _, t := range turns {
		if !t.last() {
			continue
		}
		for _, w := range t.works {
			if !w.broken {
				r.book(w, t.results[w.first:w.first+w.count])
			}
			r.answer(ctx, t.lane, w)
		}
	}
	r.rowNews.Tell(r.Log, zap.WarnLevel, "rows not applied", r.Now())
	r.waitNews.Tell(r.Log, zap.InfoLevel, "rows wait for others", r.Now())
}

// apply applies turns, and reports whether that came to an end. Where it panics, each message is tried by itself: the one that is
// the reason is refused.
func (r *Receiver) apply(ctx context.Context, turns []turn) bool {
	changes := incoming(turns)
	var results []apply.Result
	begun := time.Now()
	err := r.guard("apply", "", func() { results = r.applyAll(ctx, changes) })
	if err == nil {
		if results == nil || ctx.Err() != nil {
			return false
		}
		took := time.Since(begun)
		for _, t := range turns {
			own := results[: t.to-t.from : t.to-t.from]
			t.load.results = append(t.load.results, own...)
			t.lane.pace.went(took, own)
			results = results[len(own):]
		}
		return true
	}
	for _, t := range turns {
		t.load.results = append(t.load.results, make([]apply.Result, t.to-t.from)...)
		for _, w := range t.works {
			from, to := max(w.first, t.from), min(w.first+w.count, t.to)
			if from >= to || w.broken {
				continue
			}
			if err := r.guard("apply", w.sender, func() { results = r.applyAll(ctx, t.changes[from:to]) }); err != nil {
				w.broken = true
				w.refuse(err)
				continue
			}
			if results == nil || ctx.Err() != nil {
				return false
			}
			copy(t.load.results[from:], results)
		}
	}
	return true
}

// incoming returns the changes of turns.
func incoming(turns []turn) (changes []apply.Incoming) {
	if len(turns) == 1 {
		return turns[0].changes[turns[0].from:turns[0].to]
	}
	for _, t := range turns {
		changes = append(changes, t.changes[t.from:t.to]...)
	}
	return changes
}

// book notes what became of a message's changes.
func (r *Receiver) book(w *work, results []apply.Result) {
	for k, res := range results {
		if res.Held != 0 && len(w.held) < wire.MostHeld && w.batch != nil {
			i := w.index[k]
			w.held = append(w.held, wire.Held{Index: i, Origin: w.batch.Changes[i].Version.Origin, Time: res.Held})
		}
		if res.Err != nil {
			var p *mysqldb.Panic
			if errors.As(res.Err, &p) {
				r.tellPanic("apply", w.sender, res.Err, string(p.Stack))
			}
			told := Told(res.Err)
			if r.decoder.Transformers.Has(w.table(w.index[k])) {
				told = ToldOfMade(res.Err)
			}
			w.rejectAs(wire.Reject{Index: w.index[k], Retry: res.Retry, Taken: res.Retry && apply.Taken(res.Err)}, res.Err, told)
			w.stuck = w.stuck || apply.IsStuck(res.Err)
		}
	}
}

// answer answers a message.
func (r *Receiver) answer(ctx context.Context, l *lane, w *work) {
	if w.batch == nil {
		switch {
		case l.hold(w):
			return
		case len(w.rejects) > 0:
			r.rowNews.Add(w.sender, wire.Shorten(w.change.Table, 64), wire.Shorten(w.change.ID, ShownKey), w.reasons[0])
			r.Node.Answer(*w.change, w.rejects[0].Message)
		default:
			r.Node.Answer(*w.change, "")
		}
		r.Node.Arrived(w.sender, 1, func(int) string { return w.change.Table }, w.rejects)
		w.ack() // Promise 6: the transaction is committed
		l.give(w.bytes)
		return
	}
	all := w.batch.Changes
	r.Node.Ack(ctx, w.sender, wire.Ack{Session: w.batch.Session, Seq: w.batch.Seq, Failed: w.rejects, Held: w.held})
	for i, f := range w.rejects {
		news, c := &r.rowNews, &all[f.Index]
		if f.Retry {
			news = &r.waitNews
		}
		news.Add(w.sender, wire.Shorten(c.Table, 64), wire.Shorten(strings.ToValidUTF8(c.Key, "?"), ShownKey), w.reasons[i])
	}
	r.Node.Arrived(w.sender, len(all), func(i int) string { return all[i].Table }, w.rejects)
	w.ack() // Promise 6
	l.give(w.bytes)
}

// applyAll applies changes, as often as it takes while the database is away. It
// returns nil if ctx ends before.
func (r *Receiver) applyAll(ctx context.Context, changes []apply.Incoming) []apply.Result {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		results, err := r.applier.Apply(ctx, changes)
		if err == nil {
			r.Node.Applied(ctx, time.Since(begun))
			return results
		}
		if ctx.Err() != nil {
			return nil
		}
		r.Log.Warn("could not apply changes; retrying", zap.Int("changes", len(changes)), zap.Duration("next", pause), zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}
