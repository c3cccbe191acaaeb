package deliver

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

var start = time.Unix(1_000_000, 0)

// rowsOf returns rows of a table, one for each letter.
func rowsOf(keys string) (sent []outbox.Sent) {
	for i, k := range keys {
		sent = append(sent, outbox.Sent{Item: outbox.Item{Row: change.Row{Table: "t", Key: string(k)}, Position: int64(i + 1)}})
	}
	return sent
}

func keysOf(list []outbox.Sent) (keys string) {
	for _, s := range list {
		keys += s.Key
	}
	return keys
}

// TestAnUnrelatedAnswerChangesNothing has answers come twice, late, and to what was never sent. Promise 1.
func TestAnUnrelatedAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	from := &stretch{open: 3}
	f.add(&Message{Rows: 2, Body: make([]byte, 10)}, rowsOf("ab"), from, start)
	f.add(&Message{Name: Name{Table: "t", ID: "c"}, Stamp: 7, Rows: 1}, rowsOf("c"), from, start)
	for _, a := range []Answer{{Name: Name{Seq: 2}}, {Name: Name{Table: "t", ID: "a"}}, {Name: Name{Table: "t", ID: "c"}, Stamp: 6}, {}} {
		if o, ok := f.answer(a); ok || len(o.done) > 0 {
			t.Errorf("%+v: %+v", a, o)
		}
	}
	if o, ok := f.answer(Answer{Name: Name{Seq: 1}}); !ok || keysOf(o.done) != "ab" || from.open != 1 {
		t.Errorf("%+v, %d rows open", o, from.open)
	}
	if _, ok := f.answer(Answer{Name: Name{Seq: 1}}); ok || from.open != 1 || f.bytes != 0 || f.batches != 0 {
		t.Errorf("the second answer counts: %d rows open", from.open)
	}
	if f.has(change.Row{Table: "t", Key: "a"}) || !f.has(change.Row{Table: "t", Key: "c"}) || f.flying.Load() != 1 {
		t.Errorf("on their way: %v", f.rows)
	}
}

// TestALateAnswerCountsForMarkedRows, once, also if they were sent again meanwhile; not for rows of the stream, which are marked
// when they are given up, nor for rows that left, nor after the destination was away. Promise 1.
func TestALateAnswerCountsForMarkedRows(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	f.add(&Message{Rows: 2}, rowsOf("ab"), nil, start)
	f.add(&Message{Rows: 1}, rowsOf("c"), &stretch{open: 1}, start)
	later := start.Add(answerTime + time.Second)
	if gone := f.expire(later, Limits{Messages: 4}); len(gone) != 2 || f.flying.Load() != 0 {
		t.Fatalf("%d given up", len(gone))
	}
	f.add(&Message{Rows: 2}, rowsOf("ab"), nil, later)
	if o, ok := f.answer(Answer{Name: Name{Seq: 1}, Failed: []wire.Reject{{Index: 1, Message: "no"}}}); !ok || keysOf(o.done) != "a" || len(o.refused) != 1 || f.batches != 1 || f.flying.Load() != 2 {
		t.Errorf("%+v, %d batches", o, f.batches)
	}
	for _, seq := range []uint64{1, 2} {
		if o, ok := f.answer(Answer{Name: Name{Seq: seq}}); ok {
			t.Errorf("%d: %+v", seq, o)
		}
	}
	if _, ok := f.answer(Answer{Name: Name{Seq: 3}}); !ok || f.batches != 0 || f.flying.Load() != 0 {
		t.Errorf("%d batches, %d rows", f.batches, f.flying.Load())
	}
	gone := rowsOf("a")
	gone[0].Gone = true
	f.add(&Message{Rows: 1}, gone, nil, start) // 4
	f.expire(later.Add(longestAnswer), Limits{Messages: 4})
	f.add(&Message{Rows: 1}, rowsOf("a"), nil, start) // 5
	f.expire(later.Add(longestAnswer), Limits{Messages: 4})
	f.add(&Message{Rows: 1}, gone, nil, later.Add(longestAnswer)) // 6
	if o, ok := f.answer(Answer{Name: Name{Seq: 5}}); ok {
		t.Errorf("a row that leaves is done: %+v", o)
	}
	for range mostLate + 1 {
		f.add(&Message{Rows: 1}, rowsOf("a"), nil, start)
	}
	f.expire(later.Add(2*longestAnswer), Limits{Messages: 4})
	f.answer(Answer{Name: Name{Seq: 6}})
	for seq, want := range map[uint64]bool{4: false, 7: false, 8: true} {
		if _, ok := f.answer(Answer{Name: Name{Seq: seq}}); ok != want {
			t.Errorf("%d is remembered: %v", seq, ok)
		}
	}
	f.drop()
	if _, ok := f.answer(Answer{Name: Name{Seq: 9}}); ok {
		t.Error("what was sent before the destination was away is answered")
	}
}

// TestRowsOfABatchHaveSeparateResults: what an answer names is refused or held, all else is done; what it names beyond
// the batch is nothing.
func TestRowsOfABatchHaveSeparateResults(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	f.add(&Message{Rows: 4}, rowsOf("abcd"), nil, start)
	o, ok := f.answer(Answer{Name: Name{Seq: 1}, Failed: []wire.Reject{{Index: 1, Message: "no"}, {Index: 9}, {Index: -1}}, Held: []wire.Held{{Index: 2, Time: 5}, {Index: 1}}})
	if !ok || keysOf(o.done) != "ad" || len(o.refused) != 1 || o.refused[0].item.Key != "b" || len(o.held) != 1 || o.held[0].Key != "c" || keysOf(o.sent) != "abcd" {
		t.Errorf("%+v", o)
	}
}

// TestRowsOfALoadAreInFlight: the rows of a load are in flight until it lands, once for each time it was sent.
func TestRowsOfALoadAreInFlight(t *testing.T) {
	row := change.Row{Table: "t", Key: "1"}
	l := &load{sent: []outbox.Sent{{Item: outbox.Item{Row: row}}}, rows: map[change.Row]bool{row.Identity(): true}}
	var f flights
	var names []Name
	fly := func() {
		m := Message{Body: []byte("rows"), Rows: 1}
		f.addLoad(&m, l, nil, time.Now())
		names = append(names, m.Name)
	}
	fly()
	fly()
	m := Message{Body: []byte("row"), Rows: 1}
	f.add(&m, l.sent, nil, time.Now())
	for i, n := range append(names, m.Name) {
		if !f.has(row) || f.flying.Load() != int64(3-i) {
			t.Errorf("%d of 3 messages are answered, and the row is not in flight: %d are", i, f.flying.Load())
		}
		if o, ok := f.answer(Answer{Name: n}); !ok || len(o.done) != 1 {
			t.Errorf("an answer counts as %+v, %v", o, ok)
		}
	}
	if f.has(row) || f.flying.Load() != 0 || len(f.loads) != 0 {
		t.Error("all are answered, and the row is in flight")
	}
	fly()
	if f.drop(); f.has(row) {
		t.Error("everything was given up, and the row is in flight")
	}
}

// TestTheLastAnswerCounts: an existing peer may say that it has a change after an error. Until then the row may go out anew.
func TestTheLastAnswerCounts(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	from := &stretch{open: 1}
	name := Name{Table: "t", ID: "a"}
	f.add(&Message{Name: name, Stamp: 1, Rows: 1}, rowsOf("a"), from, start)
	failed := Answer{Name: name, Stamp: 1, Open: true, Failed: []wire.Reject{{Message: "no"}}}
	for range 2 {
		if o, ok := f.answer(failed); !ok || len(o.refused) != 1 || len(o.done) > 0 || o.sent != nil {
			t.Errorf("%+v", o)
		}
	}
	if f.has(change.Row{Table: "t", Key: "a"}) || from.open != 0 || f.refused != 1 || f.flying.Load() != 0 {
		t.Errorf("refused %d, %d open", f.refused, from.open)
	}
	if gone := f.expire(start.Add(time.Second), Limits{Messages: 1}); len(gone) > 0 || len(f.open) != 1 {
		t.Errorf("gone %v", gone)
	}
	if o, ok := f.answer(Answer{Name: name, Stamp: 1}); !ok || keysOf(o.done) != "a" || !o.done[0].Marked || from.open != 0 || f.refused != 0 {
		t.Errorf("%+v, refused %d", o, f.refused)
	}
}

// TestSilentConnectionsAreClosed: what is not answered in time is sent again as it was, after longer and longer times.
func TestSilentConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	l := Limits{Rows: 500, Messages: 4}
	for i := range 4 {
		f.add(&Message{Rows: 1}, rowsOf(string(rune('a'+i))), nil, start)
	}
	if f.room(l) != 0 {
		t.Error("there is room beyond the window")
	}
	if gone := f.expire(start.Add(answerTime), l); gone != nil {
		t.Error("given up too early")
	}
	gone := f.expire(start.Add(answerTime+1), l)
	order := ""
	for _, x := range gone {
		order += fmt.Sprint(x.name.Seq)
	}
	if order != "1234" || f.silent != 4 || f.patience != 2*answerTime || f.room(l) != 500 || f.flying.Load() != 0 {
		t.Errorf("given up %s, silent %d, patience %s, room %d", order, f.silent, f.patience, f.room(l))
	}
	f.heard()
	if f.silent != 0 || f.patience != answerTime {
		t.Error("who answers is still silent")
	}
}

// TestAHubWaitsLongerForManyRemotes: they all work on the same rows at once. Promise 10.
func TestAHubWaitsLongerForManyRemotes(t *testing.T) {
	t.Parallel()
	for remotes, least := range map[int]time.Duration{1: answerTime, 100: answerTime, 200: 30 * time.Second, 1000: 110 * time.Second, 100000: longestAnswer} {
		s := New(&Config{Log: zap.NewNop(), Loads: &Loads{Remotes: remotes}}, "node-b", ready{})
		s.flights.add(&Message{Rows: 1}, rowsOf("a"), nil, start)
		if s.flights.expire(start.Add(least), Limits{}) != nil {
			t.Errorf("%d remotes: given up too early", remotes)
		}
		if s.flights.expire(start.Add(least+1), Limits{}) == nil {
			t.Errorf("%d remotes: not given up", remotes)
		}
		if s.heard(); s.flights.patience != least {
			t.Errorf("%d remotes: after an answer, the next is waited for %s", remotes, s.flights.patience)
		}
	}
}

// TestFlightsAreBounded, by messages, by their bytes, and for single rows by quarters of the window; what is refused does not
// count. Promise 10.
func TestFlightsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFlights(answerTime)
	l := Limits{Rows: 500, Messages: 4, Bytes: 100}
	f.add(&Message{Rows: 1, Body: make([]byte, 99)}, rowsOf("a"), nil, start)
	if f.room(l) != 500 {
		t.Errorf("room %d", f.room(l))
	}
	f.add(&Message{Rows: 1, Body: make([]byte, 1)}, rowsOf("b"), nil, start)
	if f.room(l) != 0 {
		t.Errorf("room %d beyond the bytes", f.room(l))
	}
	one := Limits{Rows: 50, Messages: 8, Single: true}
	for i := range 7 {
		f.add(&Message{Name: Name{Table: "t", ID: fmt.Sprint(i)}, Rows: 1}, rowsOf("c"), nil, start)
		if want := map[int]int{0: 7, 5: 2, 6: 0}[i]; (i == 0 || i > 4) && f.room(one) != want {
			t.Errorf("after %d: room %d, want %d", i+1, f.room(one), want)
		}
	}
	f.answer(Answer{Name: Name{Table: "t", ID: "3"}, Open: true, Failed: []wire.Reject{{}}})
	if f.room(one) != 2 {
		t.Errorf("room %d after one was refused", f.room(one))
	}
	f.drop()
	if f.room(l) != 500 || f.room(one) != 8 || f.flying.Load() != 0 {
		t.Errorf("after all was dropped: room %d, %d", f.room(l), f.room(one))
	}
}
