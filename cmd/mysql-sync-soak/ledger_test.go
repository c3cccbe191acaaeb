package main

import "testing"

func TestLedgerFindsWhatIsLost(t *testing.T) {
	t.Parallel()
	insert := write{id: 1, name: "a/1", site: "a"}
	update := write{id: 1, over: "a/1", name: "a/2", site: "a"}
	remove := write{id: 1, over: "a/2", site: "a"}
	other := write{id: 1, over: "a/1", name: "b/1", site: "b"}
	doubt := func(w write) write { w.doubt = true; return w }
	row := func(name string) map[int64]string { return map[int64]string{1: name} }
	for _, c := range []struct {
		rule   string
		writes []write
		kept   kept
		lost   int
	}{
		{"the last write stands", []write{insert, update}, kept{rows: row("a/2")}, 0},
		{"the row is missing", []write{insert, update}, kept{}, 1},
		{"an older write stands", []write{insert, update}, kept{rows: row("a/1")}, 1},
		{"the deletion stands", []write{insert, update, remove}, kept{}, 0},
		{"the deleted row stands", []write{insert, update, remove}, kept{rows: row("a/2")}, 1},
		{"the deletion lost and is kept", []write{insert, update, remove},
			kept{rows: row("a/2"), deletes: map[int64]map[string]int{1: {"a": 1}}}, 0},
		{"a row from before the deleted one stands", []write{insert, update, remove}, kept{rows: row("a/1")}, 1},
		{"one of two writes is silently lost", []write{insert, update, other}, kept{rows: row("b/1")}, 1},
		{"one of two writes is kept as the loser", []write{insert, update, other},
			kept{rows: row("b/1"), losers: map[string]bool{"a/2": true}}, 0},
		{"the row has a name that nobody wrote", []write{insert}, kept{rows: row("c/1"), losers: map[string]bool{"a/1": true}}, 1},
		{"a write in doubt was committed", []write{insert, doubt(update)}, kept{rows: row("a/2")}, 0},
		{"a write in doubt was not committed", []write{insert, doubt(update)}, kept{rows: row("a/1")}, 0},
		{"a write in doubt does not excuse the loss of what it replaced", []write{insert, doubt(update)}, kept{}, 1},
		{"a write in doubt that a later one saw was committed", []write{insert, doubt(update), remove}, kept{}, 0},
	} {
		if lost := missing(c.writes, c.kept); len(lost) != c.lost {
			t.Errorf("%s: %d writes are lost, want %d: %q", c.rule, len(lost), c.lost, lost)
		}
	}
}
