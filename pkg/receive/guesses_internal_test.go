package receive

import (
	"fmt"
	"testing"
	"time"
)

// TestGuessesAreCounted by client and row, for an hour; those of clients that nobody has named together.
func TestGuessesAreCounted(t *testing.T) {
	g, now := NewGuesses([]string{"node-b"}), time.Now()
	for i := range guessMost + 300 {
		if g.May("node-b", "orders", "1", now) != (i < guessMost) {
			t.Fatalf("after %d wrong ones: %t", i, i >= guessMost)
		}
		g.Wrong("node-b", "orders", "1")
	}
	for range guessMost {
		g.Wrong("stranger", "orders", "1")
	}
	for _, c := range []struct {
		client, table, key string
		after              time.Duration
		may                bool
	}{
		{"node-b", "orders", "2", 0, true},
		{"node-b", "order", "s1", 0, true},
		{"other-stranger", "orders", "1", 0, false},
		{"node-b", "orders", "1", guessTime - 1, false},
		{"node-b", "orders", "1", guessTime, true},
		{"other-stranger", "orders", "1", guessTime, true},
	} {
		if g.May(c.client, c.table, c.key, now.Add(c.after)) != c.may {
			t.Errorf("%+v is not so", c)
		}
	}
}

// TestGuessesOfManyRowsAreCounted: a client that has many rows otherwise than the node may compare them all, and look at them again.
func TestGuessesOfManyRowsAreCounted(t *testing.T) {
	g, now := NewGuesses(nil), time.Now()
	const rows = 200_000
	for i := range 3 * rows {
		key := fmt.Sprint(i % rows)
		if !g.May("node-b", "orders", key, now) {
			t.Fatalf("row %s may not be compared at the look %d", key, i/rows)
		}
		g.Wrong("node-b", "orders", key)
	}
}
