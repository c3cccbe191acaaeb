package log

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

// TestNamesAreReadAsTheyWereWritten in pieces, and cut anywhere.
func TestNamesAreReadAsTheyWereWritten(t *testing.T) {
	at := func(of, table, key string, nth uint32) name { return name{place{table, key}, of, nth} }
	all := []name{at("0-1-1", "t", "a", 0), at("0-1-1", "t", "", 1), at("0-1-1", "u", "\x00\xff", noteBit), at("0-1-2", "u", strings.Repeat("k", 300), 0)}
	for most := range 400 {
		var got []name
		for rest := all; len(rest) > 0; {
			var text []byte
			text, rest = pack(rest, most)
			for n := range text {
				if cut := unpack(text[:n]); !slices.Equal(cut, unpack(text)[:len(cut)]) {
					t.Errorf("cut at %d: %v", n, cut)
				}
			}
			got = append(got, unpack(text)...)
		}
		if !slices.Equal(got, all) {
			t.Fatalf("in pieces of %d: %v", most, got)
		}
	}
	if got := unpack([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x01")); len(got) > 0 {
		t.Errorf("of nonsense: %v", got)
	}
}

// TestTheLogTellsWhatIsDone: a COMMIT that was not answered has arrived. What was pending when another log began is not meant.
func TestTheLogTellsWhatIsDone(t *testing.T) {
	l := play(t)
	l.add("a b a")
	l.add("c")
	l.add("a")
	second := l.p.those(l.p.of("t", []string{"a"}))[1:2]
	second[0].nth = 2
	named := names(second, never)
	l.p.finish(&meaning{done: slices.Concat(named, named, []name{{place{"t", "b"}, "0-1-7", 0}})})
	keys, _ := l.front(9, 9)
	l.want("after a name", keys, "a b c a")
	l.p.finish(&meaning{moved: []binlog.Position{l.p.after(l.p.items[:2])}})
	keys, _ = l.front(9, 9)
	l.want("after P moved", keys, "c a")
	l.want("P", l.p.recorded.String(), "0-1-1")
	l.p.begin(binlog.Position{})
	l.add("d")
	l.p.finish(&meaning{moved: []binlog.Position{{}}, done: names(l.p.those(l.p.of("t", []string{"a", "c", "d"})), never)})
	keys, _ = l.front(9, 9)
	l.want("of another log", keys, "c a")
}

// TestWhatWasDoneBeforeTakesRoom: while something prepared holds P, a start reads no further than the process before it did. Promise 10.
func TestWhatWasDoneBeforeTakesRoom(t *testing.T) {
	read := func(l *played) {
		l.p.add(l.transaction(binlog.XA{Phase: binlog.Prepared, ID: "x"}, true), rows("a"), 0)
		l.add("b c")
		l.add("d")
	}
	first := play(t)
	read(first)
	room := first.p.bytes
	items := slices.Clone(first.p.items)
	first.settle("b", "c", "d")
	if first.p.bytes != room {
		t.Errorf("%d bytes, and %d before what P does not pass was recorded", first.p.bytes, room)
	}
	next := play(t)
	next.p.before = map[name]bool{}
	for _, n := range names(items, never) {
		next.p.before[n] = true
	}
	read(next)
	if next.p.bytes != room || next.p.count() > 0 {
		t.Errorf("%d bytes and %d writes wait, want %d bytes", next.p.bytes, next.p.count(), room)
	}
	next.p.add(next.transaction(binlog.XA{Phase: binlog.XARollback, ID: "x"}, true), nil, 0)
	if next.p.bytes != 0 {
		t.Errorf("%d bytes when nothing holds P any more", next.p.bytes)
	}
}
