package ledger_test

import (
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

func TestEventIDsAreStable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	g := leg(t, l)
	next := func() *ledger.Batch { t.Helper(); return must(g.Next(t.Context(), 10, 1000))(t) }
	put(t, l, g, 0, entry("a", 1))
	b := next()
	event := b.Operations[0].Event
	if err := g.Book(t.Context(), b, []ledger.Answer{{Later: true}}); err != nil {
		t.Fatal(err)
	}
	if b = next(); b.Operations[0].Event != event {
		t.Error("another attempt has another event")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, file)
	g = leg(t, l)
	b = must(g.Doubts(t.Context()))(t)[0]
	if b.Operations[0].Event != event {
		t.Error("after a restart it has another event")
	}
	seen := map[string]bool{}
	for _, version := range []byte{1, 2, 1, 2} { // the row changes back and forth
		if seen[b.Operations[0].Event] {
			t.Error("two states have one event")
		}
		seen[b.Operations[0].Event] = true
		if err := g.Book(t.Context(), b, make([]ledger.Answer, 1)); err != nil {
			t.Fatal(err)
		}
		put(t, l, g, 0, entry("a", 3-version))
		b = next()
	}
}
