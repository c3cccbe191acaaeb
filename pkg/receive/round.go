package receive

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// A round takes as much as one transaction may write, and one message more.
const (
	roundRows  = apply.MostRows
	roundBytes = apply.MostBytes
)

// rounds applies prepared messages until ctx ends. Those that are ready together are applied together.
func (r *Receiver) rounds(ctx context.Context) error {
	for {
		wait := time.Duration(forever)
		if at, ok := r.applier.Due(); ok {
			wait = max(at.Sub(r.Now()), 0)
		}
		if len(r.again.turns) > 0 {
			wait = 0
		}
		var turns []turn
		first, ok := r.take(ctx, wait)
		if ctx.Err() != nil {
			return nil
		}
		if ok {
			turns = r.more(ctx, first)
		}
		r.Beat.Begin(r.Now())
		before := len(r.again.turns) > 0
		if fresh := r.fresh(turns); len(fresh) > 0 || !before {
			r.finish(ctx, fresh)
		}
		if before {
			r.finish(ctx, []turn{r.again.next()})
		}
		r.Beat.End()
	}
}

// forever waits until a turn arrives.
const forever = -1

// taking waits at most this long for a turn: not at all if wait is 0, indefinitely if it is forever.
type taking func(ctx context.Context, wait time.Duration) (turn, bool)

// handed returns the turns that lanes hand over.
func (r *Receiver) handed(ctx context.Context, wait time.Duration) (t turn, ok bool) {
	if wait == 0 {
		select {
		case t = <-r.ready:
			return t, true
		default:
			return turn{}, false
		}
	}
	var over <-chan time.Time
	if wait != forever {
		over = time.After(wait)
	}
	select {
	case t = <-r.ready:
		return t, true
	case <-over:
	case <-ctx.Done():
	}
	return turn{}, false
}

// more adds other ready turns to the first until the round is full.
func (r *Receiver) more(ctx context.Context, first turn) []turn {
	turns := []turn{first}
	rows, bytes := first.size()
	for rows < roundRows && bytes < roundBytes {
		t, ok := r.take(ctx, 0)
		if !ok {
			break
		}
		n, size := t.size()
		turns, rows, bytes = append(turns, t), rows+n, bytes+size
	}
	return turns
}

// fresh returns the turns that begin now. A sender's turns wait until its retries are done.
func (r *Receiver) fresh(turns []turn) (list []turn) {
	for _, t := range turns {
		t.begin()
		if r.again.has(t.lane) {
			r.again.add(t)
		} else {
			list = append(list, t)
		}
	}
	return list
}

// retries are turns to retry.
type retries struct {
	turns []turn
	last  *lane // of the turn retried last
}

func (a *retries) add(t turn) { a.turns = append(a.turns, t) }

func (a *retries) has(l *lane) bool {
	return slices.ContainsFunc(a.turns, func(t turn) bool { return t.lane == l })
}

// next removes and returns a turn, of a different sender than the last one if possible.
func (a *retries) next() turn {
	at := max(slices.IndexFunc(a.turns, func(t turn) bool { return t.lane != a.last }), 0)
	t := a.turns[at]
	a.turns = slices.Delete(a.turns, at, at+1)
	a.last = t.lane
	return t
}

// finish applies a round and answers the messages that it completes.
func (r *Receiver) finish(ctx context.Context, turns []turn) {
	if !r.apply(ctx, turns) {
		return // the node is stopping; unacked messages are sent again
	}
	for _, t := range turns {
		if t.open > 0 || t.over {
			continue
		}
		t.load.over = true
		for _, w := range t.works {
			if !w.broken {
				r.book(w, t.results[w.first:w.first+w.count])
			}
			r.answer(ctx, t.lane, w)
		}
	}
	r.news.refused.Tell(r.Log, zap.WarnLevel, "rows not applied", r.Now())
	r.news.waiting.Tell(r.Log, zap.InfoLevel, "rows wait for others", r.Now())
}

// apply applies turns, and reports whether it finished. If they cannot be written together, each turn is tried alone,
// the smallest first, all of them for no longer than one turn may take: a sender whose rows are refused holds up only
// itself. The rest is retried later.
func (r *Receiver) apply(ctx context.Context, turns []turn) bool {
	for i := range turns {
		turns[i].begin()
	}
	if len(turns) != 1 && !r.together(ctx, turns) {
		return false
	}
	order := make([]*turn, 0, len(turns))
	for i := range turns {
		if len(turns[i].left) > 0 {
			order = append(order, &turns[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *turn) int { return cmp.Compare(len(a.left), len(b.left)) })
	until := r.Now().Add(turnTime)
	for k, t := range order {
		left := until.Sub(r.Now())
		if k == 0 || left > 0 {
			if !r.alone(ctx, t, max(left, 1)) {
				return false
			}
		}
		if len(t.left) > 0 {
			r.again.add(*t)
		}
	}
	return true
}

// together applies turns in as few transactions as possible, or leaves them as they are.
func (r *Receiver) together(ctx context.Context, turns []turn) bool {
	var changes []apply.Incoming
	for i := range turns {
		changes = append(changes, turns[i].incoming(len(turns[i].left))...)
	}
	var results []apply.Result
	begun := r.Now()
	if r.guard("apply", "", func() { results = r.applyAll(ctx, changes, 0) }) != nil {
		return true
	}
	if results == nil || ctx.Err() != nil {
		return false
	}
	took := r.Now().Sub(begun)
	for i := range turns {
		t := &turns[i]
		n := len(t.left)
		tried := t.note(results[:n:n])
		results = results[n:]
		if len(t.left) == 0 {
			t.lane.pace.went(took, tried)
		}
	}
	return true
}

// alone applies as much of a turn as its sender's pace allows. After a panic each message is tried alone, and the one
// that causes it is refused.
func (r *Receiver) alone(ctx context.Context, t *turn, patience time.Duration) bool {
	changes := t.incoming(t.lane.pace.rows())
	var results []apply.Result
	begun := r.Now()
	err := r.guard("apply", "", func() { results = r.applyAll(ctx, changes, patience) })
	if err == nil {
		if results == nil || ctx.Err() != nil {
			return false
		}
		t.lane.pace.went(r.Now().Sub(begun), t.note(results))
		return true
	}
	n := len(changes)
	var again []int
	for _, w := range t.works {
		own := turn{load: t.load}
		for _, i := range t.left[:n] {
			if i >= w.first && i < w.first+w.count {
				own.left = append(own.left, i)
			}
		}
		if len(own.left) == 0 || w.broken {
			continue
		}
		if err := r.guard("apply", w.sender, func() { results = r.applyAll(ctx, own.incoming(n), patience) }); err != nil {
			w.broken = true
			w.refuse(err)
			continue
		}
		if results == nil || ctx.Err() != nil {
			return false
		}
		for k, i := range own.left {
			if t.results[i] = results[k]; results[k].Untried {
				again = append(again, i)
			}
		}
	}
	t.open -= n - len(again)
	t.left = append(again, t.left[n:]...)
	return true
}

// book notes what became of a message's changes.
func (r *Receiver) book(w *work, results []apply.Result) {
	for k, res := range results {
		if res.Held != 0 && len(w.held) < wire.MostHeld && w.batch != nil {
			i := w.index[k]
			w.held = append(w.held, wire.Held{Index: i, Origin: w.batch.Changes[i].Version.Origin, Time: res.Held})
		}
		if res.Err != nil {
			if p, ok := errors.AsType[*mysqldb.Panic](res.Err); ok {
				r.tellPanic("apply", w.sender, res.Err, string(p.Stack))
			}
			told := Told(res.Err)
			if r.decoder != nil && r.decoder.Transformers.Has(w.table(w.index[k])) {
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
			r.news.refused.Add(w.sender, wire.Shorten(w.change.Table, 64), wire.Shorten(w.change.ID, ShownKey), w.reasons[0])
			r.Answers.Answer(*w.change, w.rejects[0].Message)
		default:
			r.Answers.Answer(*w.change, "")
		}
		r.Counters.Received(w.sender, 1, func(int) string { return w.change.Table }, w.rejects)
		w.ack() // Promise 6: the transaction is committed
		l.give(w.bytes)
		return
	}
	all := w.batch.Changes
	r.Answers.Ack(ctx, w.sender, wire.Ack{Session: w.batch.Session, Seq: w.batch.Seq, Failed: w.rejects, Held: w.held})
	for i, f := range w.rejects {
		news, c := &r.news.refused, &all[f.Index]
		if f.Retry {
			news = &r.news.waiting
		}
		news.Add(w.sender, wire.Shorten(c.Table, 64), wire.Shorten(strings.ToValidUTF8(c.Key, "?"), ShownKey), w.reasons[i])
	}
	r.Counters.Received(w.sender, len(all), func(i int) string { return all[i].Table }, w.rejects)
	w.ack() // Promise 6
	l.give(w.bytes)
}

// applyAll applies changes, retrying while the database is away. It returns nil if ctx ends first.
func (r *Receiver) applyAll(ctx context.Context, changes []apply.Incoming, patience time.Duration) []apply.Result {
	for next := range pause.Doubling(ctx, 200*time.Millisecond, 10*time.Second) {
		begun := r.Now()
		results, err := r.applier.ApplyFor(ctx, changes, patience)
		if err == nil {
			r.Meter.Applied(r.Now().Sub(begun))
			r.Answers.TellFreed(ctx)
			return results
		}
		if ctx.Err() == nil {
			r.Log.Warn("could not apply changes; retrying", zap.Int("changes", len(changes)), zap.Duration("next", next), zap.Error(err))
		}
	}
	return nil
}
