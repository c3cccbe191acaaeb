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
		if len(r.again) > 0 {
			select {
			case <-ctx.Done():
				return nil
			case x := <-r.ready:
				turns = r.more(x)
			default:
			}
		} else {
			select {
			case <-ctx.Done():
				return nil
			case x := <-r.ready:
				turns = r.more(x)
			case <-again:
			}
		}
		r.Beat.Begin(r.Now())
		before := len(r.again) > 0
		if fresh := r.fresh(turns); len(fresh) > 0 || !before {
			r.finish(ctx, fresh)
		}
		if before {
			r.goOn(ctx)
		}
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

// fresh returns those turns that begin now: not those of a sender of which something is tried again, which come after that.
func (r *Receiver) fresh(turns []turn) (list []turn) {
	for _, t := range turns {
		t.begin()
		if slices.ContainsFunc(r.again, func(o turn) bool { return o.lane == t.lane }) {
			r.again = append(r.again, t)
		} else {
			list = append(list, t)
		}
	}
	return list
}

// goOn tries a part of what is to be tried again: of another sender than the time before, if there is one.
func (r *Receiver) goOn(ctx context.Context) {
	at := max(slices.IndexFunc(r.again, func(t turn) bool { return t.lane != r.before }), 0)
	t := r.again[at]
	r.again = slices.Delete(r.again, at, at+1)
	r.before = t.lane
	r.finish(ctx, []turn{t})
}

// finish applies a round and answers the messages that are done by it.
func (r *Receiver) finish(ctx context.Context, turns []turn) {
	if !r.apply(ctx, turns) {
		return // the node stops; what is not acked comes again
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
	r.rowNews.Tell(r.Log, zap.WarnLevel, "rows not applied", r.Now())
	r.waitNews.Tell(r.Log, zap.InfoLevel, "rows wait for others", r.Now())
}

// apply applies turns, and reports whether that came to an end. Where what came together cannot be written together, each turn is
// tried by itself, the smallest first, and all of them for no longer than a turn may take: a sender whose rows are refused holds up
// itself. What is left then is tried again.
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
	until := time.Now().Add(turnTime)
	for k, t := range order {
		left := time.Until(until)
		if k == 0 || left > 0 {
			if !r.alone(ctx, t, max(left, 1)) {
				return false
			}
		}
		if len(t.left) > 0 {
			r.again = append(r.again, *t)
		}
	}
	return true
}

// together applies turns in as few transactions as there may be, or leaves them as they are.
func (r *Receiver) together(ctx context.Context, turns []turn) bool {
	var changes []apply.Incoming
	for i := range turns {
		changes = append(changes, turns[i].incoming(len(turns[i].left))...)
	}
	var results []apply.Result
	begun := time.Now()
	if r.guard("apply", "", func() { results = r.applyAll(ctx, changes, 0) }) != nil {
		return true
	}
	if results == nil || ctx.Err() != nil {
		return false
	}
	took := time.Since(begun)
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

// alone applies a turn, as much of it as its sender may have now. Where it panics, each message is tried by itself: the one that is
// the reason is refused.
func (r *Receiver) alone(ctx context.Context, t *turn, patience time.Duration) bool {
	changes := t.incoming(t.lane.pace.rows())
	var results []apply.Result
	begun := time.Now()
	err := r.guard("apply", "", func() { results = r.applyAll(ctx, changes, patience) })
	if err == nil {
		if results == nil || ctx.Err() != nil {
			return false
		}
		t.lane.pace.went(time.Since(begun), t.note(results))
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
func (r *Receiver) applyAll(ctx context.Context, changes []apply.Incoming, patience time.Duration) []apply.Result {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		results, err := r.applier.ApplyFor(ctx, changes, patience)
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
