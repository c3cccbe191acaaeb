package deliver

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// play lets rows of a table wait for something, and returns how many were tried by a given time.
type play struct {
	p       probe
	now     time.Time
	waiting int
	passes  bool
	tried   int
}

func (x *play) until(d time.Duration) int {
	x.tried = 0
	for end := x.now.Add(d); x.now.Before(end); x.now = x.now.Add(100 * time.Millisecond) {
		rows, _ := x.p.next(x.now)
		if rows == 0 {
			continue
		}
		found := min(rows, x.waiting)
		x.waiting -= found
		x.tried += found
		x.p.tried(found, x.now.Add(time.Second), x.waiting > 0, x.now)
		if x.passes {
			x.p.answered(found, 0, false, x.now)
			continue
		}
		x.waiting += found
		for range found {
			x.p.refused(x.now.Add(after(3, true)))
		}
		x.p.answered(0, found, true, x.now)
	}
	return x.tried
}

// The cost of waiting rows does not depend on their number and falls with time; once one row goes
// through, the others follow at once.
func TestWaitingRowsAreProbed(t *testing.T) {
	start := time.Now()
	costs := map[int]int{}
	for _, waiting := range []int{100, 10_000, 300_000} {
		x := &play{now: start, waiting: waiting}
		for range waiting {
			x.p.refused(start.Add(soonFirst))
		}
		if x.until(soonFirst) > 0 {
			t.Errorf("%d: rows are tried before they are due", waiting)
		}
		x.until(10 * time.Minute)
		costs[waiting] = x.until(10 * time.Minute)
		x.passes = true
		begun := x.now
		for x.waiting > 0 && x.now.Sub(begun) < time.Hour {
			x.until(time.Second)
		}
		if took := x.now.Sub(begun); took > soonLongest+time.Duration(waiting/probeMost+20)*time.Second/10 {
			t.Errorf("%d: when they can go through, that takes %v", waiting, took)
		}
		x.until(time.Second)
		if rows, _ := x.p.next(x.now.Add(time.Hour)); rows > 0 {
			t.Errorf("%d: when none waits any more, %d are looked for", waiting, rows)
		}
	}
	if costs[100] != costs[300_000] || costs[10_000] != costs[300_000] || costs[300_000] > 20*probeRows {
		t.Errorf("rows tried in ten minutes: %v", costs)
	}
}

// A few rows are each tried on time, and a new one does not wait for the others.
func TestFewWaitingRowsAreEachTriedOnTime(t *testing.T) {
	now := time.Now()
	var p probe
	p.refused(now.Add(time.Hour))
	p.refused(now.Add(time.Second))
	if rows, _ := p.next(now); rows > 0 {
		t.Error("a row is tried before it is due")
	}
	if rows, any := p.next(now.Add(time.Second)); rows != probeRows || any {
		t.Errorf("when one is due, %d are looked for, due or not: %v", rows, any)
	}
	p.tried(1, now.Add(time.Hour), true, now.Add(time.Second))
	p.answered(0, 1, true, now.Add(time.Second))
	if rows, _ := p.next(now.Add(time.Minute)); rows > 0 {
		t.Error("a row is tried before it is due because another was refused")
	}
	p.hopeful(now)
	if rows, any := p.next(now); rows != probeAll || !any {
		t.Errorf("after a success, %d are looked for, due or not: %v", rows, any)
	}
}

// Rows of a table are tried after those of the tables that they refer to were answered, and of all other tables at once.
func TestWaitingRowsAreTriedParentsFirst(t *testing.T) {
	now := time.Now()
	refers := map[string][]string{"lines": {"orders", "items"}, "orders": {"customers"}, "a": {"b"}, "b": {"a", "customers"}, "tree": {"tree"}}
	keys := func(table string) (list []schema.ForeignKey) {
		for _, parent := range refers[table] {
			list = append(list, schema.ForeignKey{Table: table, RefTable: parent})
		}
		return list
	}
	probes := map[string]*probe{}
	tables := []string{"a", "b", "customers", "items", "lines", "orders", "other", "tree"}
	for _, name := range tables {
		probes[name] = &probe{}
		probes[name].hopeful(now)
	}
	turn := func(want ...string) {
		t.Helper()
		got := inTurn(schema.ParentsFirst(tables, keys), func(table string) []string { return refers[table] }, probes, now)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("in turn are %q, want %q", got, want)
		}
		for _, name := range got {
			probes[name].tried(3, time.Time{}, false, now)
		}
	}
	turn("customers", "items", "other", "tree")
	turn()
	probes["items"].answered(0, 3, true, now)
	probes["customers"].answered(2, 0, true, now)
	probes["customers"].due = time.Time{}
	turn() // one customer is in flight
	probes["customers"].answered(1, 0, true, now)
	turn("customers") // more of them follow at once
	probes["customers"].answered(3, 0, true, now)
	probes["customers"].due = time.Time{}
	turn("a", "b", "orders")
	now = now.Add(answerTime) // no answer about the orders, for which lines no longer wait
	turn("lines")
	probes["orders"].hopeful(now)
	probes["lines"].hopeful(now)
	turn("orders") // it is not yet known that nobody answers
	now = now.Add(answerTime)
	probes["orders"].hopeful(now)
	turn("lines", "orders")
}

// noAnswer is an outbox that never answers: what it was given may be committed or not.
type noAnswer struct{ Outbox }

func (noAnswer) Fail(context.Context, string, []outbox.Failure) error {
	return errors.New("the connection is lost")
}

// TestARefusalRecordedWithoutAnAnswerIsRetried: its row may be waiting by now, and then only its probe would look for
// it. Promise 1.
func TestARefusalRecordedWithoutAnAnswerIsRetried(t *testing.T) {
	t.Parallel()
	s := New(&Config{Log: zap.NewNop(), Outbox: noAnswer{}}, "node-b", nil)
	due := start.Add(time.Minute)
	if err := s.refuse(t.Context(), []outbox.Failure{{Item: rowsOf("a")[0].Item, RetryAt: due}}); err == nil {
		t.Fatal("there is an answer")
	}
	if rows, _ := s.probes.of("t").next(due); rows == 0 || !s.marks.any {
		t.Error("the row is not retried")
	}
}
