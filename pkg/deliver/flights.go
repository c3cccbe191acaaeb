package deliver

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// How long to wait for an answer.
const (
	answerTime    = 20 * time.Second
	longestAnswer = 5 * time.Minute
)

// answerTimeFor is how long an answer is waited for at first. A hub's remotes are sent the same loads at the same moment: to send them
// again to all that are still at work on them would only keep them longer.
func answerTimeFor(l *Loads) time.Duration {
	if l == nil {
		return answerTime
	}
	return min(answerTime+time.Duration(max(0, l.Remotes-100))*100*time.Millisecond, longestAnswer)
}

// flight is a message that was sent but not answered.
type flight struct {
	name     Name
	stamp    int64
	sent     []outbox.Sent
	bytes    int
	stretch  *stretch // where all of it was read; nil: marked rows
	deadline time.Time
	refused  bool  // answered with an error, but another answer may follow; its rows have landed
	load     *load // which has its rows; nil: they are among those of flights
}

// flights are the messages in flight to a destination; see newFlights.
type flights struct {
	open     map[Name]*flight
	rows     map[change.Row]int // of how many messages, except loads
	loads    []*flight          // that have not landed
	batches  int                // of open: those with a number
	bytes    int                // of them
	refused  int                // of open: those that do not count for the window
	seq      uint64
	least    time.Duration // how long an answer is waited for
	patience time.Duration // the same now: it grows while none comes
	silent   int           // numbered messages given up in a row
	flying   atomic.Int64  // number of rows, for observers
	late     []*flight     // batches of marked rows that were given up last, the oldest first
}

// mostLate is how many batches are remembered that were given up. Promise 10.
const mostLate = 16

// newFlights returns none: answers will be waited for as long as given.
func newFlights(least time.Duration) flights { return flights{least: least, patience: least} }

// has reports whether a row is in flight.
func (f *flights) has(r change.Row) bool {
	id := r.Identity()
	return f.rows[id] > 0 || slices.ContainsFunc(f.loads, func(x *flight) bool { return x.load.rows[id] })
}

// add takes in a message that is about to be sent, and numbers it if it has no name.
func (f *flights) add(m *Message, sent []outbox.Sent, from *stretch, now time.Time) {
	f.number(m, sent, from, now)
	for i := range sent {
		f.rows[sent[i].Identity()]++
	}
}

// addLoad takes in a load that is about to be sent.
func (f *flights) addLoad(m *Message, l *load, from *stretch, now time.Time) {
	x := f.number(m, l.sent, from, now)
	x.load = l
	f.loads = append(f.loads, x)
}

func (f *flights) number(m *Message, sent []outbox.Sent, from *stretch, now time.Time) *flight {
	if m.Name == (Name{}) {
		f.seq++
		m.Name.Seq = f.seq
		f.batches++
		f.bytes += len(m.Body)
	}
	if f.open == nil {
		f.open, f.rows = map[Name]*flight{}, map[change.Row]int{}
	}
	x := &flight{name: m.Name, stamp: m.Stamp, sent: sent, bytes: len(m.Body), stretch: from, deadline: now.Add(f.patience)}
	f.open[m.Name] = x
	f.flying.Add(int64(len(sent)))
	return x
}

// room returns how many rows may be sent now. It offers none until there is some room: rows are read in batches.
func (f *flights) room(l Limits) int {
	if !l.Single {
		if f.batches < l.Messages && (l.Bytes == 0 || f.bytes < l.Bytes) {
			return l.Rows
		}
		return 0
	}
	if free := l.Messages - (len(f.open) - f.batches) + f.refused; free >= l.Messages/4 {
		return min(free, l.Rows)
	}
	return 0
}

// outcome is what an answer says about rows.
type outcome struct {
	sent    []outbox.Sent // all of the message's, if no other answer follows
	done    []outbox.Sent
	held    []Held
	refused []refusal
}

// refusal is a row that the destination refused.
type refusal struct {
	item outbox.Item
	why  wire.Reject
	id   string // as told to the user
}

// answer takes in an answer. One to something that is not, or is no longer, in flight says nothing about what is due
// now; ok is then false. Only marked rows may be answered late: their marks tell whether they are what was sent, unless
// they left the remote, which what was sent since may have undone. A remote that takes longer than is waited for would
// otherwise be sent the same rows for ever. Promise 1.
func (f *flights) answer(a Answer) (o outcome, ok bool) {
	if i := slices.IndexFunc(f.late, func(x *flight) bool { return x.name == a.Name && x.stamp == a.Stamp }); i >= 0 {
		x := f.late[i]
		f.late = slices.Delete(f.late, i, i+1)
		if f.leaving(x) {
			return o, false
		}
		return x.outcome(a), true
	}
	x := f.open[a.Name]
	if x == nil || x.stamp != a.Stamp {
		return o, false
	}
	if !x.refused {
		f.land(x)
		x.stretch.close(len(x.sent))
	}
	if a.Open {
		if !x.refused { // a newer version may now go out
			x.refused = true
			f.refused++
		}
		for _, r := range a.Failed {
			o.refused = append(o.refused, refusal{x.sent[r.Index].Item, r, x.name.ID})
			x.sent[r.Index].Marked = true
		}
		return o, true
	}
	f.remove(x)
	return x.outcome(a), true
}

// leaving reports whether a row of the message is on its way to leave the remote: with an earlier answer its mark would be gone if
// that is lost.
func (f *flights) leaving(x *flight) bool {
	var leaving map[change.Row]bool
	for _, o := range f.open {
		for i := range o.sent {
			if o.sent[i].Leaves() {
				if leaving == nil {
					leaving = map[change.Row]bool{}
				}
				leaving[o.sent[i].Identity()] = true
			}
		}
	}
	return leaving != nil && slices.ContainsFunc(x.sent, func(s outbox.Sent) bool { return leaving[s.Identity()] })
}

// outcome is what the last answer to a message says about its rows.
func (x *flight) outcome(a Answer) (o outcome) {
	o.sent = x.sent
	if len(a.Failed) == 0 && len(a.Held) == 0 {
		o.done = x.sent
		return o
	}
	held := make(map[int]wire.Held, len(a.Held))
	for _, h := range a.Held {
		held[h.Index] = h
	}
	refused := make(map[int]wire.Reject, len(a.Failed))
	for _, r := range a.Failed {
		refused[r.Index] = r
	}
	for i, s := range x.sent {
		if r, ok := refused[i]; ok {
			o.refused = append(o.refused, refusal{s.Item, r, wire.Shorten(strings.ToValidUTF8(s.Key, "?"), receive.ShownKey)})
		} else if h, ok := held[i]; ok {
			o.held = append(o.held, Held{s, h})
		} else {
			o.done = append(o.done, s)
		}
	}
	return o
}

// expire gives up messages that were not answered in time, in the order in which they were sent, and stops waiting for
// a second answer to refused ones.
func (f *flights) expire(now time.Time, l Limits) (gone []*flight) {
	batches := 0
	for _, x := range f.open {
		late := now.After(x.deadline)
		switch {
		case x.refused && (late || f.refused > 2*l.Messages):
			f.remove(x)
		case late && !x.refused:
			f.land(x)
			f.remove(x)
			gone = append(gone, x)
			if x.name.Seq > 0 {
				batches++
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	slices.SortFunc(gone, func(a, b *flight) int {
		return cmp.Or(cmp.Compare(a.name.Seq, b.name.Seq), cmp.Compare(a.sent[0].Position, b.sent[0].Position))
	})
	for _, x := range gone {
		if x.name.Seq > 0 && x.stretch == nil && x.load == nil && !slices.ContainsFunc(x.sent, outbox.Sent.Leaves) {
			f.late = append(f.late, x)
		}
	}
	f.late = slices.Delete(f.late, 0, max(0, len(f.late)-mostLate))
	f.patience = min(2*f.patience, longestAnswer)
	f.silent += batches
	return gone
}

// heard is called when the destination has answered, or when no one can tell whether it would.
func (f *flights) heard() { f.patience, f.silent = f.least, 0 }

// end forgets a message for which another answer might have followed.
func (f *flights) end(n Name) {
	if x := f.open[n]; x != nil && x.refused {
		f.remove(x)
	}
}

// drop forgets everything in flight.
func (f *flights) drop() {
	clear(f.open)
	clear(f.rows)
	f.loads, f.late = nil, nil
	f.batches, f.bytes, f.refused = 0, 0, 0
	f.flying.Store(0)
}

// land removes a message's rows from those in flight.
func (f *flights) land(x *flight) {
	f.flying.Add(-int64(len(x.sent)))
	if x.load != nil {
		f.loads = slices.DeleteFunc(f.loads, func(l *flight) bool { return l == x })
		return
	}
	for i := range x.sent {
		r := x.sent[i].Identity()
		if n := f.rows[r]; n > 1 {
			f.rows[r] = n - 1
		} else {
			delete(f.rows, r)
		}
	}
}

// remove forgets a message.
func (f *flights) remove(x *flight) {
	delete(f.open, x.name)
	if x.refused {
		f.refused--
	}
	if x.name.Seq > 0 {
		f.batches--
		f.bytes -= x.bytes
	}
}
