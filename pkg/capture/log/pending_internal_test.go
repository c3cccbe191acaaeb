package log

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// played is a log whose transactions write rows: "a b" writes two.
type played struct {
	*testing.T
	p *pending
	n uint64
}

func play(t *testing.T) *played { return &played{t, newPending(binlog.Position{}), 0} }

func (l *played) transaction(xa binlog.XA, last bool) *binlog.Transaction {
	if last {
		l.n++
	}
	n := l.n
	if !last {
		n++
	}
	return &binlog.Transaction{GTID: binlog.GTID{Server: 1, Number: n}, Last: last, XA: xa}
}

func (l *played) add(keys string) { l.p.add(l.transaction(binlog.XA{}, true), rows(keys)) }

func rows(keys string) (list []*item) {
	for key := range strings.FieldsSeq(keys) {
		list = append(list, &item{Entry: capture.Entry{Row: change.Row{Table: "t", Key: key}}})
	}
	return list
}

// front returns the keys that can be recorded if the log is seen up to a number.
func (l *played) front(limit int, seen uint64) (string, []*item) {
	items := l.p.front(limit, func(t *binlog.Transaction) bool { return t.GTID.Number <= seen })
	keys := make([]string, len(items))
	for i, x := range items {
		keys[i] = x.Row.Key
	}
	return strings.Join(keys, " "), items
}

func (l *played) want(what, got, want string) {
	l.Helper()
	if got != want {
		l.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestPositionFollowsWhatIsRecorded: P has a transaction once all of it and all before it is recorded, whatever apply has
// settled out of order, and transactions without writes that count go with those before them.
func TestPositionFollowsWhatIsRecorded(t *testing.T) {
	l := play(t)
	l.add("")
	l.want("nothing counts", l.p.recorded.String(), "0-1-1")
	l.add("a b")
	l.add("")
	l.add("a c")
	keys, items := l.front(10, 3)
	l.want("seen up to the first", keys, "a b")
	l.want("P after it", l.p.after(items).String(), "0-1-3")
	keys, items = l.front(3, 9)
	l.want("three", keys, "a b a")
	l.want("P after these", l.p.after(items).String(), "0-1-3")
	l.p.settle(l.p.of("t", []string{"c"})) // by apply
	l.want("P after these and what apply has", l.p.after(items).String(), "0-1-4")
	l.want("P", l.p.recorded.String(), "0-1-1")
	entries := l.p.of("t", []string{"b", "a"})
	if len(entries) != 3 || entries[0].Row.Key != "a" || entries[1].Row.Key != "b" || entries[2].Row.Key != "a" {
		t.Errorf("pending %v", entries)
	}
	l.p.settle(entries)
	l.want("P", l.p.recorded.String(), "0-1-4")
	if l.p.has(items) || l.p.count() != 0 || l.p.bytes != 0 || len(l.p.order)+len(l.p.byPlace)+len(l.p.items)+len(l.p.done) > 0 {
		t.Errorf("left: %+v", l.p)
	}
}

// TestPositionDoesNotPassWhatIsPrepared: rule 5.
func TestPositionDoesNotPassWhatIsPrepared(t *testing.T) {
	l := play(t)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, true), rows("a"))
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "y"}, true), rows("b"))
	l.add("c")
	if len(l.p.of("t", []string{"a", "b"})) > 0 {
		t.Error("what is prepared is pending")
	}
	keys, items := l.front(10, 9)
	l.want("recorded", keys, "c")
	l.p.settle([]capture.Entry{items[0].Entry})
	l.want("P stays", l.p.recorded.String(), "")
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XARollback, ID: "y"}, true), nil)
	l.want("P still", l.p.recorded.String(), "")
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "x"}, true), nil)
	keys, items = l.front(10, 9)
	l.want("committed", keys, "a")
	if !items[0].xa {
		t.Error("it is not known that it was prepared")
	}
	l.want("P then", l.p.after(items).String(), "0-1-5")
	l.p.settle([]capture.Entry{items[0].Entry})
	l.want("P", l.p.recorded.String(), "0-1-5")
	if l.p.bytes != 0 || len(l.p.order) > 0 {
		t.Errorf("left: %+v", l.p)
	}
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "unknown"}, true), nil)
	l.want("P", l.p.recorded.String(), "0-1-6")
}

// TestPositionPassesWhatOthersPrepared: else one of another schema, forgotten, would have all of the log kept and read again.
func TestPositionPassesWhatOthersPrepared(t *testing.T) {
	l := play(t)
	xa := func(phase binlog.Phase, id string, last bool, keys string) {
		l.p.add(l.transaction(binlog.XA{Phase: phase, ID: id}, last), rows(keys))
	}
	xa(binlog.Prepared, "x", true, "")
	l.want("P", l.p.recorded.String(), "0-1-1")
	l.add("a")
	xa(binlog.Prepared, "y", true, "")
	l.p.settle(l.p.of("t", []string{"a"}))
	l.want("P after a row", l.p.recorded.String(), "0-1-3")
	xa(binlog.XACommit, "x", true, "")
	xa(binlog.XARollback, "y", true, "")
	l.want("P after their ends", l.p.recorded.String(), "0-1-5")
	// One of which a later piece has rows, and the last has none.
	xa(binlog.Prepared, "z", false, "")
	xa(binlog.Prepared, "z", false, "b")
	xa(binlog.Prepared, "z", true, "")
	l.want("P before rows that are prepared", l.p.recorded.String(), "0-1-5")
	xa(binlog.XACommit, "z", true, "")
	l.p.settle(l.p.of("t", []string{"b"}))
	l.want("P after them", l.p.recorded.String(), "0-1-7")
	if l.p.bytes != 0 || len(l.p.order)+len(l.p.prepared) > 0 {
		t.Errorf("left: %+v", l.p)
	}
}

// TestPiecesAreRecordedBeforeTheTransactionIs: P stays at its start.
func TestPiecesAreRecordedBeforeTheTransactionIs(t *testing.T) {
	l := play(t)
	l.add("")
	l.p.add(l.transaction(binlog.XA{}, false), rows("a"))
	keys, items := l.front(10, 9)
	l.want("a piece", keys, "a")
	l.p.settle([]capture.Entry{items[0].Entry})
	l.want("P", l.p.recorded.String(), "0-1-1")
	l.p.add(l.transaction(binlog.XA{}, true), rows("b"))
	_, items = l.front(10, 9)
	l.want("P then", l.p.after(items).String(), "0-1-2")
}

// TestAClaimedTimeIsNotBelievedBeyondTheReading: nothing is later than now, and what was just read is dated by that.
func TestAClaimedTimeIsNotBelievedBeyondTheReading(t *testing.T) {
	const second = 1_000_000
	for name, c := range map[string]struct {
		ahead int64
		time  binlog.Time
		last  int64
		want  int64
	}{
		"exact":                    {0, binlog.Time{Micros: 99*second + 7, Exact: true}, 0, 99*second + 7},
		"exact, of the future":     {0, binlog.Time{Micros: 101 * second, Exact: true}, 0, 100 * second},
		"exact, the server ahead":  {5 * second, binlog.Time{Micros: 101 * second, Exact: true}, 0, 96 * second},
		"of this second":           {0, binlog.Time{Micros: 99 * second}, 0, 100 * second},
		"older":                    {0, binlog.Time{Micros: 90 * second}, 0, 90 * second},
		"older than one before it": {0, binlog.Time{Micros: 90 * second}, 95 * second, 95 * second},
		"claimed in the future":    {0, binlog.Time{Micros: 200 * second}, 0, 100 * second},
	} {
		k := clock{last: c.last, ahead: c.ahead}
		if got := k.at(c.time, 100*second); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestAPlaceIsFoundByItsTable: a key in another table is another row.
func TestAPlaceIsFoundByItsTable(t *testing.T) {
	l := play(t)
	l.p.add(l.transaction(binlog.XA{}, true), append(rows("a"), &item{Entry: capture.Entry{Row: change.Row{Table: "u", Key: "a"}}, note: 7}))
	if got := l.p.of("u", []string{"a"}); len(got) != 1 || !slices.Equal([]uint64{7}, []uint64{l.p.notes(got)[0].ID}) {
		t.Errorf("of u: %v", got)
	}
	l.p.drop("u")
	if l.p.count() != 1 || len(l.p.of("u", []string{"a"})) > 0 {
		t.Error("u was not dropped")
	}
}

// TestReadingStopsWhileMuchIsPending: promise 10.
func TestReadingStopsWhileMuchIsPending(t *testing.T) {
	s := &Source{pending: newPending(binlog.Position{})}
	s.pending.bytes = pendingMost + 1
	if err := s.one(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("it reads on: %v", err)
	}
}
