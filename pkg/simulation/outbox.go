package simulation

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// box does to a remote's outbox what the statements of outbox.Outbox do to their tables. A test compares the two.
type box struct {
	*remote
	key   func(change.Row) int
	rows  []change.Row
	token func(n int) int64
}

// mark marks a key. An existing mark keeps its place, and says further on that the remote lost the row, if it did.
func (r *remote) mark(key int, token int64, lost bool) { r.markAt(key, token, token, lost) }

func (r *remote) markAt(key int, place, token int64, lost bool) {
	m := &r.marks[key]
	*m = mark{position: cmp.Or(m.position, place), token: token, lost: m.lost || lost}
}

// markMissing marks a key to be sent only if the remote lacks it.
func (r *remote) markMissing(key int, token int64) {
	if m := &r.marks[key]; m.token == 0 {
		*m = mark{position: token, token: token, onlyMissing: true}
	}
}

func (b *box) done(sent []outbox.Sent, at *outbox.Place, holds bool) (left int) {
	first := map[string]int64{} // by table: position of what was acked by the stream
	streamed := func(s *outbox.Sent) bool { return !s.Marked && !s.Moved && !s.OnlyMissing }
	for i := range sent {
		if s := &sent[i]; streamed(s) && (first[s.Table] == 0 || s.Position < first[s.Table]) {
			first[s.Table] = s.Position
		}
	}
	for i := range sent {
		s := &sent[i]
		switch m := &b.marks[b.key(s.Row)]; {
		case holds && streamed(s) && m.token <= first[s.Table], s.Marked && m.token == s.Token:
			*m = mark{}
		case s.Marked && m.token != 0:
			left++
		}
	}
	if at != nil {
		b.place = *at
	}
	return left
}

func (b *box) fail(failed []outbox.Failure) {
	streamed := 0
	for i := range failed {
		if !failed[i].Marked {
			streamed++
		}
	}
	fresh := int64(0)
	if streamed > 0 {
		fresh = b.token(streamed)
	}
	next := fresh
	for i := range failed {
		f := &failed[i]
		m := &b.marks[b.key(f.Row)]
		switch {
		case f.Marked && (m.token != f.Token || m.token == 0):
			continue
		case f.Marked:
			m.attempts++
		case m.token != 0:
			m.token, m.attempts, m.onlyMissing = fresh, 1, m.onlyMissing && f.OnlyMissing
			next++
		default:
			*m = mark{position: cmp.Or(f.Position, next), token: cmp.Or(f.Token, next), onlyMissing: f.OnlyMissing, attempts: 1}
			next++
		}
		m.waiting, m.retryAt = true, f.RetryAt.UnixMilli()
	}
}

func (b *box) later(sent []outbox.Sent) {
	for i := range sent {
		if !sent[i].OnlyMissing {
			b.mark(b.key(sent[i].Row), b.token(1), false)
		}
	}
	for i := range sent {
		if sent[i].OnlyMissing {
			b.markMissing(b.key(sent[i].Row), b.token(1))
		}
	}
}

func (b *box) next(after int64, limit int, without ...string) (list []outbox.Item) {
	for key, m := range b.marks {
		if m.token != 0 && !m.waiting && m.position > after && !slices.Contains(without, b.rows[key].Table) {
			list = append(list, outbox.Item{Row: b.rows[key], Marked: true, Position: m.position, Token: m.token, Attempts: m.attempts, OnlyMissing: m.onlyMissing})
		}
	}
	slices.SortFunc(list, func(x, y outbox.Item) int { return cmp.Compare(x.Position, y.Position) })
	return list[:min(len(list), limit)]
}

// waitingKeys returns the keys of a table's waiting rows, the longest due first.
func (b *box) waitingKeys(table string) (keys []int) {
	for key, m := range b.marks {
		if m.waiting && (table == "" || b.rows[key].Table == table) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(x, y int) int { return cmp.Compare(b.marks[x].retryAt, b.marks[y].retryAt) })
	return keys
}

func (b *box) retry(table string, due time.Time, limit int) (ready int) {
	for _, key := range b.waitingKeys(table) {
		if m := &b.marks[key]; m.retryAt <= due.UnixMilli() && ready < limit {
			m.waiting = false
			ready++
		}
	}
	return ready
}

func (b *box) giveBack(table string, rows []change.Row, upTo int64, end bool) {
	for _, r := range rows {
		b.mark(b.key(r), b.token(1), false)
	}
	if b.kept[table] = upTo; end {
		delete(b.kept, table)
	}
}

// remembers is a link's deliver.Outbox: each call is a step to the server and back, and the answer may be lost.
type remembers struct{ l *link }

// ask reads from the box.
func (o remembers) ask(read func(b *box)) error {
	if err := o.l.n.step(); err != nil {
		return err
	}
	read(o.l.box())
	return nil
}

// write commits.
func (o remembers) write(do func(b *box)) error {
	err := o.l.n.put(func() { do(o.l.box()) })
	o.l.n.w.trace("%s has told its outbox for %s something: %v", o.l.n.name, o.l.to.name, err)
	return err
}

// put is a statement that writes. Where the answer is lost, nobody knows whether it did.
func (n *node) put(do func()) error {
	if err := n.step(); err != nil {
		return err
	}
	lost := n.w.lost()
	if !lost || n.w.r.IntN(2) == 0 {
		do()
	}
	if lost {
		return errLost
	}
	return nil
}

func (o remembers) PlaceOf(context.Context, string) (at outbox.Place, err error) {
	err = o.ask(func(b *box) { at = b.place })
	return at, err
}

func (o remembers) Done(_ context.Context, _ string, sent []outbox.Sent, at *outbox.Place, holds bool) (left int, err error) {
	switch {
	case at == nil && !slices.ContainsFunc(sent, outbox.Sent.Booked):
		return 0, nil
	case o.l.n.w.mistake == BookLastAcked:
		last := o.l.box().place
		if at != nil {
			last = *at
		}
		at = &last
		for i := range sent {
			if !sent[i].Marked && !sent[i].OnlyMissing {
				at.Acked = max(at.Acked, sent[i].Position)
			}
		}
	case o.l.n.w.mistake == SettleLater:
		for i := range sent {
			if m := o.l.box().marks[o.l.n.w.keyOf(sent[i].Row)]; sent[i].Marked {
				sent[i].Token = m.token
			}
		}
	}
	err = o.write(func(b *box) { left = b.done(sent, at, holds) })
	return left, err
}

func (o remembers) Fail(_ context.Context, _ string, failed []outbox.Failure) error {
	if o.l.n.w.mistake == DropRefused {
		return nil
	}
	for _, f := range failed {
		o.l.n.w.trace("%s has %s refused by %s: marked %v, %d, until %v", o.l.n.name, f.Key, o.l.to.name, f.Marked, f.Token, f.RetryAt.Sub(time.UnixMicro(epoch)))
	}
	return o.write(func(b *box) { b.fail(failed) })
}

func (o remembers) Later(_ context.Context, _ string, sent []outbox.Sent) error {
	if o.l.n.w.mistake == DropUnanswered {
		return nil
	}
	for _, x := range sent {
		o.l.n.w.trace("%s has %s sent later to %s: %d", o.l.n.name, x.Key, o.l.to.name, x.Token)
	}
	return o.write(func(b *box) { b.later(sent) })
}

func (o remembers) Next(_ context.Context, _ string, after int64, limit int, without []string) (list []outbox.Item, err error) {
	err = o.ask(func(b *box) { list = b.next(after, limit, without...) })
	return list, err
}

func (o remembers) Holds(context.Context, string) (holds bool, err error) {
	err = o.ask(func(b *box) { holds = b.holds() })
	return holds, err
}

func (b *box) holds() bool {
	return slices.ContainsFunc(b.marks, func(m mark) bool { return m.token != 0 })
}

func (o remembers) WaitingTables(context.Context, string) (tables []string, err error) {
	err = o.ask(func(b *box) {
		for _, key := range b.waitingKeys("") {
			tables = append(tables, b.rows[key].Table)
		}
	})
	slices.Sort(tables)
	return slices.Compact(tables), err
}

func (o remembers) Retry(_ context.Context, _, table string, due time.Time, limit int) (ready int, err error) {
	if o.l.n.w.mistake == NeverRetry {
		return 0, nil
	}
	err = o.write(func(b *box) { ready = b.retry(table, due, limit) })
	return ready, err
}

func (o remembers) RetryRows(_ context.Context, _ string, rows []change.Row) (ready int, err error) {
	err = o.write(func(b *box) {
		for _, r := range rows {
			if m := &b.marks[b.key(r)]; m.waiting {
				m.waiting = false
				ready++
			}
		}
	})
	return ready, err
}

func (o remembers) RetryBy(_ context.Context, _, table string, latest time.Time) error {
	return o.write(func(b *box) {
		for _, key := range b.waitingKeys(table) {
			b.marks[key].retryAt = min(b.marks[key].retryAt, latest.UnixMilli())
		}
	})
}

func (o remembers) NextRetry(_ context.Context, _, table string) (at time.Time, ok bool, err error) {
	err = o.ask(func(b *box) {
		if keys := b.waitingKeys(table); len(keys) > 0 {
			at, ok = time.UnixMilli(b.marks[keys[0]].retryAt), true
		}
	})
	return at, ok, err
}

func (o remembers) Kept(context.Context, string) (kept map[string]int64, err error) {
	err = o.ask(func(b *box) { kept = maps.Clone(b.kept) })
	return kept, err
}

func (o remembers) KeepBack(_ context.Context, _, table string, after int64) error {
	return o.write(func(b *box) {
		if _, there := b.kept[table]; !there && o.l.n.w.mistake != ForgetKept {
			b.kept[table] = after
		}
	})
}

func (o remembers) GiveBack(_ context.Context, _, table string, rows []change.Row, upTo int64, end bool) error {
	return o.write(func(b *box) { b.giveBack(table, rows, upTo, end) })
}

func (o remembers) ShowPending(_ context.Context, _ string, _ []version.Waiting, at outbox.Place) error {
	return o.write(func(b *box) { b.place = at })
}

// Not played: what sync_status shows, and what a transformer leaves to be noted.

func (o remembers) Overtaken(context.Context, string, []change.Row) error { return nil }
func (o remembers) Withdrawn(context.Context, string, []change.Row) error { return nil }
func (o remembers) Unnoted(context.Context, string, []string) ([]outbox.Noting, error) {
	return nil, nil
}
