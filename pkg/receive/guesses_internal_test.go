package receive

import (
	"fmt"
	"testing"
	"time"
)

// TestGuessesAreCounted by client and row, for an hour; those of unlisted clients together.
func TestGuessesAreCounted(t *testing.T) {
	g, now := NewGuesses([]string{"node-b"}), time.Now()
	for i := range guessMost + 300 {
		if g.May("node-b", "orders", "1", now) != (i < guessMost) {
			t.Fatalf("after %d wrong guesses: %t", i, i >= guessMost)
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

// TestGuessesOfManyRowsAreCounted: a client with many rows that differ from the node's may compare them all, and repeat
// that.
func TestGuessesOfManyRowsAreCounted(t *testing.T) {
	g, now := NewGuesses(nil), time.Now()
	const rows = 200_000
	for i := range 3 * rows {
		key := fmt.Sprint(i % rows)
		if !g.May("node-b", "orders", key, now) {
			t.Fatalf("row %s may not be compared in round %d", key, i/rows)
		}
		g.Wrong("node-b", "orders", key)
	}
}
