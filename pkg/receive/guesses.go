package receive

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

const (
	guessMost = 50        // wrong ones of a row
	guessTime = time.Hour // in which they count
	guessRows = 1 << 17   // that are told apart; more rows share what they may
)

// Guesses counts how often clients have given a wrong checksum of a row that is withheld from them. Who has the row is wrong as often as
// it looks at a difference; who has not, and tries values, is stopped. A client's take guessRows bytes. It is safe for concurrent use.
type Guesses struct {
	named []string // clients that are counted by themselves; all others together
	seed  maphash.Seed

	mu    sync.Mutex
	since time.Time
	wrong map[string]*[guessRows]uint8
}

// NewGuesses returns Guesses of clients that are named, and of any others.
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

// Wrong counts a checksum of a row that a client has named, and that was not the row's.
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
