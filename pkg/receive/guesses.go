package receive

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

const (
	guessMost = 50        // wrong guesses at a row
	guessTime = time.Hour // in which they count
	guessRows = 1 << 17   // counted separately; more rows share counters
)

// Guesses counts wrong checksums that clients name for a row withheld from them. A client that has the row is wrong
// only as often as it looks at a difference; a client that tries values is stopped. Each client costs guessRows bytes.
// It is safe for concurrent use.
type Guesses struct {
	named []string // clients counted separately; all others count together
	seed  maphash.Seed

	mu    sync.Mutex
	since time.Time
	wrong map[string]*[guessRows]uint8
}

// NewGuesses returns Guesses for the named clients and any others.
func NewGuesses(named []string) *Guesses {
	return &Guesses{named: named, seed: maphash.MakeSeed(), wrong: map[string]*[guessRows]uint8{}}
}

// May reports whether a client may name another checksum of a row.
func (g *Guesses) May(client, table, key string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.since).Abs() >= guessTime {
		g.since = now
		clear(g.wrong)
	}
	rows := g.wrong[budget(g.named, client)]
	return rows == nil || rows[g.place(table, key)] < guessMost
}

// Wrong counts a wrong checksum that a client named for a row.
func (g *Guesses) Wrong(client, table, key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := budget(g.named, client)
	rows := g.wrong[name]
	if rows == nil {
		rows = new([guessRows]uint8)
		g.wrong[name] = rows
	}
	if p := g.place(table, key); rows[p] < math.MaxUint8 {
		rows[p]++
	}
}

func (g *Guesses) place(table, key string) uint64 {
	return maphash.Comparable(g.seed, [2]string{table, key}) % guessRows
}
