package log

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
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

func (l *played) add(keys string) { l.p.add(l.transaction(binlog.XA{}, true), rows(keys), 0) }

func rows(keys string) (list []*item) {
	table := "t"
	for key := range strings.FieldsSeq(keys) {
		list = append(list, &item{table: &table, key: key})
	}
	return list
}

// settle is what apply does with some rows.
func (l *played) settle(keys ...string) { l.p.settle(l.p.those(l.p.of("t", keys))) }

// front returns the keys that can be recorded if the log is seen up to a number.
func (l *played) front(limit int, seen uint64) (string, []*item) {
	items := l.p.front(limit, func(t *binlog.Transaction) bool { return t.GTID.Number <= seen })
	keys := make([]string, len(items))
	for i, x := range items {
		keys[i] = x.key
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
	l.settle("c") // by apply
	l.want("P after these and what apply has", l.p.after(items).String(), "0-1-4")
	l.want("P", l.p.recorded.String(), "0-1-1")
	entries := l.p.of("t", []string{"b", "a"})
	if len(entries) != 3 || entries[0].Row.Key != "a" || entries[1].Row.Key != "b" || entries[2].Row.Key != "a" {
		t.Errorf("pending %v", entries)
	}
	l.p.settle(l.p.those(entries))
	l.want("P", l.p.recorded.String(), "0-1-4")
	if l.p.has(items) || l.p.count() != 0 || l.p.bytes != 0 || l.p.room != 0 || len(l.p.order)+len(l.p.lines)+len(l.p.items) > 0 {
		t.Errorf("left: %+v", l.p)
	}
}

// TestPositionDoesNotPassWhatIsPrepared: rule 5.
func TestPositionDoesNotPassWhatIsPrepared(t *testing.T) {
	l := play(t)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, true), rows("a"), 0)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "y"}, true), rows("b"), 0)
	l.add("c")
	if len(l.p.of("t", []string{"a", "b"})) > 0 {
		t.Error("what is prepared is pending")
	}
	keys, items := l.front(10, 9)
	l.want("recorded", keys, "c")
	l.p.settle(items[:1])
	l.want("P stays", l.p.recorded.String(), "")
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XARollback, ID: "y"}, true), nil, 0)
	l.want("P still", l.p.recorded.String(), "")
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "x"}, true), nil, 0)
	keys, items = l.front(10, 9)
	l.want("committed", keys, "a")
	if items[0].of.from == nil {
		t.Error("it is not known that it was prepared")
	}
	l.want("P then", l.p.after(items).String(), "0-1-5")
	l.p.settle(items[:1])
	l.want("P", l.p.recorded.String(), "0-1-5")
	if l.p.bytes != 0 || len(l.p.order) > 0 {
		t.Errorf("left: %+v", l.p)
	}
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "unknown"}, true), nil, 0)
	l.want("P", l.p.recorded.String(), "0-1-6")
}

// TestPositionPassesWhatOthersPrepared: else one of another schema, forgotten, would have all of the log kept and read again.
func TestPositionPassesWhatOthersPrepared(t *testing.T) {
	l := play(t)
	xa := func(phase binlog.Phase, id string, last bool, keys string) {
		l.p.add(l.transaction(binlog.XA{Phase: phase, ID: id}, last), rows(keys), 0)
	}
	xa(binlog.Prepared, "x", true, "")
	l.want("P", l.p.recorded.String(), "0-1-1")
	l.add("a")
	xa(binlog.Prepared, "y", true, "")
	l.settle("a")
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
	l.settle("b")
	l.want("P after them", l.p.recorded.String(), "0-1-7")
	if l.p.bytes != 0 || len(l.p.order)+len(l.p.prepared) > 0 {
		t.Errorf("left: %+v", l.p)
	}
}

// TestPiecesAreRecordedBeforeTheTransactionIs: P stays at its start.
func TestPiecesAreRecordedBeforeTheTransactionIs(t *testing.T) {
	l := play(t)
	l.add("")
	l.p.add(l.transaction(binlog.XA{}, false), rows("a"), 0)
	keys, items := l.front(10, 9)
	l.want("a piece", keys, "a")
	l.p.settle(items[:1])
	l.want("P", l.p.recorded.String(), "0-1-1")
	l.p.add(l.transaction(binlog.XA{}, true), rows("b"), 0)
	_, items = l.front(10, 9)
	l.want("P then", l.p.after(items).String(), "0-1-2")
}

// TestPiecesOfWhatIsPreparedWait: also if it commits at once, which only its end tells.
func TestPiecesOfWhatIsPreparedWait(t *testing.T) {
	l := play(t)
	for _, end := range []binlog.Phase{binlog.Prepared, binlog.Ordinary} {
		l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, false), rows("a"), 0)
		l.p.add(l.transaction(binlog.XA{Phase: end, ID: "x"}, true), rows("b"), 0)
		if end == binlog.Prepared {
			keys, _ := l.front(10, 9)
			l.want("prepared", keys, "")
			l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "x"}, true), nil, 0)
		}
		keys, items := l.front(10, 9)
		l.want("committed", keys, "a b")
		l.p.settle(items)
	}
	l.want("P", l.p.recorded.String(), "0-1-3")
	if l.p.bytes+l.p.room != 0 || len(l.p.order)+len(l.p.prepared)+len(l.p.others) > 0 {
		t.Errorf("left: %+v", l.p)
	}
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
		"older than one before it": {0, binlog.Time{Micros: 90 * second}, 95 * second, 95*second + 1},
		"of the same second":       {0, binlog.Time{Micros: 90 * second}, 90*second + 5, 90*second + 6},
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
	l, u := play(t), "u"
	l.p.add(l.transaction(binlog.XA{}, true), append(rows("a"), &item{table: &u, key: "a", rare: &rare{note: 7}}), 0)
	if got := l.p.of("u", []string{"a"}); len(got) != 1 || !slices.Equal([]uint64{7}, []uint64{noted(l.p.those(got))[0].ID}) {
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
	for name, full := range map[string]func(){
		"of memory":            func() { s.pending.room = roomMost + 1 },
		"of names for a start": func() { s.pending.bytes = bytesMost + 1 },
	} {
		s.pending.room, s.pending.bytes = 0, 0
		full()
		if err := s.one(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("much %s: it reads on: %v", name, err)
		}
	}
}

// TestAWriteTakesLittleRoom: a backlog of a million waits of which as much is read as fits.
func TestAWriteTakesLittleRoom(t *testing.T) {
	if size := reflect.TypeFor[item]().Size(); size > 64 {
		t.Errorf("an item has %d bytes, and the room for one is %d with its places in the map and the list", size, itemRoom)
	}
	if size := reflect.TypeFor[logged]().Size(); size > loggedRoom {
		t.Errorf("a transaction has %d bytes, and the room for one is %d", size, loggedRoom)
	}
	l := play(t)
	l.add("a b")
	before := l.p.room
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, true), rows("c"), 0)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "y"}, true), rows("d"), 0)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "x"}, true), nil, 0)
	if got := l.p.room; got < before+itemRoom {
		t.Errorf("%d bytes of room with writes that were prepared, %d without", got, before)
	}
	l.settle("a", "b", "c")
	l.p.begin(binlog.Position{})
	if l.p.room != 0 || l.p.bytes != 0 {
		t.Errorf("what is left takes %d bytes and %d of names: %+v", l.p.room, l.p.bytes, l.p)
	}
}

// TestWhatIsDoneTakesNoRoom: something prepared, or one row that waits, holds P for hours, while others write, and what is theirs is
// recorded. Promise 10.
func TestWhatIsDoneTakesNoRoom(t *testing.T) {
	l := play(t)
	l.add("held")
	l.add("a")
	room := l.p.room
	for range 1000 {
		l.add("")
		l.settle("a")
		l.add("a")
	}
	if l.p.room != room || len(l.p.order) != 2 || len(l.p.order[0].more)+len(l.p.order[1].more) > 2 {
		t.Errorf("%d bytes of room, want %d; %d transactions, of which the first has %v", l.p.room, room, len(l.p.order), l.p.order[0].more)
	}
	l.settle("a")
	l.want("P", l.p.recorded.String(), "")
	l.settle("held")
	l.want("P", l.p.recorded.String(), "0-1-2002")
	if l.p.room != 0 || l.p.bytes != 0 {
		t.Errorf("left: %+v", l.p)
	}
}

// TestWhatIsRecordedLetsReadingGoOn: nothing but recording makes room, so all of it must, though something prepared holds P; and what is
// prepared takes none, since it cannot be recorded before its end is read.
func TestWhatIsRecordedLetsReadingGoOn(t *testing.T) {
	l := play(t)
	long := strings.Repeat("x", 1<<20)
	many := strings.Repeat(long+" ", roomMost>>20+1)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, true), rows(many), 0)
	l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "y"}, true), rows("forgotten"), 0)
	if l.p.full() {
		t.Fatal("what is prepared fills it")
	}
	record := func(what string) {
		t.Helper()
		if !l.p.full() {
			t.Errorf("%s: it is not full", what)
		}
		for l.p.count() > 0 {
			_, items := l.front(100, math.MaxUint64)
			l.p.settle(items)
		}
		if l.p.full() {
			t.Errorf("%s: all is recorded, and %d bytes are taken", what, l.p.room)
		}
	}
	l.p.add(l.transaction(binlog.XA{Phase: binlog.XACommit, ID: "x"}, true), nil, 0)
	record("what was prepared")
	for !l.p.full() {
		l.add("a")
	}
	record("small transactions")
}

// TestMapsDoNotStayLarge: what a backlog took is given back.
func TestMapsDoNotStayLarge(t *testing.T) {
	l := play(t)
	key := make([]string, 11*batchSize)
	for i := range key {
		key[i] = strconv.Itoa(i)
		l.add(key[i])
	}
	l.settle(key...)
	if l.p.most != 0 || cap(l.p.items)+cap(l.p.order) > 10 {
		t.Errorf("%d places in the lists, and a map of %d", cap(l.p.items)+cap(l.p.order), l.p.most)
	}
	l.add("a")
	l.settle("a")
	l.want("P", l.p.recorded.String(), "0-1-11001")
}

// TestRowsOfOneHashAreApart: lines are found by hashes.
func TestRowsOfOneHashAreApart(t *testing.T) {
	l := play(t)
	l.p.hash = func(place) uint64 { return 7 }
	l.add("a b a")
	l.add("b c")
	list := l.p.of("t", []string{"a", "c"})
	if len(list) != 3 || list[0].Row.Key != "a" || list[1].Row.Key != "a" || list[2].Row.Key != "c" {
		t.Errorf("of a and c: %v", list)
	}
	for _, c := range []struct{ key, left string }{{"c", "a b a b"}, {"a", "b b"}, {"b", ""}} {
		l.settle(c.key)
		l.settle(c.key)
		keys, _ := l.front(9, 9)
		l.want("without "+c.key, keys, c.left)
	}
	if len(l.p.lines) > 0 || l.p.count() != 0 {
		t.Errorf("left: %+v", l.p)
	}
}
