package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

// Seen is the set of a leg's rows that a pass over its source has met, one bit each.
type Seen struct {
	bits  map[int64]*[chunk / 64]uint64
	below int64 // ids below it existed when the pass began
	known int64 // rows that existed then
	old   int64 // how many of those were met
	count int
}

// chunk is how many ids one piece of the bitmap has: rows that were forgotten long ago cost nothing.
const chunk = 1 << 14

// Pass begins a pass over the leg's rows.
func (g *Leg) Pass(ctx context.Context) (*Seen, error) {
	s := &Seen{bits: map[int64]*[chunk / 64]uint64{}}
	err := g.l.update(ctx, func(*tx) error {
		s.below, s.known = g.nextRow, g.known
		return nil
	})
	return s, err
}

// Mark marks a row as met and reports whether it already was: then its key occurs twice in the source. 0 is no row.
func (s *Seen) Mark(id int64) (again bool) {
	if id == 0 {
		return false
	}
	piece := s.bits[id/chunk]
	if piece == nil {
		piece = new([chunk / 64]uint64)
		s.bits[id/chunk] = piece
	}
	word, bit := &piece[id%chunk/64], uint64(1)<<(id%64)
	again = *word&bit != 0
	if !again {
		s.count++
		if id < s.below {
			s.old++
		}
	}
	*word |= bit
	return again
}

// Has reports whether the row was met.
func (s *Seen) Has(id int64) bool {
	piece := s.bits[id/chunk]
	return piece != nil && piece[id%chunk/64]&(1<<(id%64)) != 0
}

// Len returns how many rows were met.
func (s *Seen) Len() int { return s.count }

// All reports whether all rows that existed when the pass began were met: none is Unseen.
func (s *Seen) All() bool { return s.old == s.known }

// page is how many rows are read at a time, so that no read stays open while the caller works.
const page = 2000

// Rows returns the leg's rows in key order.
func (g *Leg) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return g.walk(ctx, func(*row) bool { return true })
}

// Unseen returns the rows that existed when the pass began, that it has not met, and that are not already to be deleted.
// Fill may be called with them while they are read.
func (g *Leg) Unseen(ctx context.Context, s *Seen) iter.Seq2[Row, error] {
	return g.walk(ctx, func(r *row) bool { return r.id < s.below && !s.Has(r.id) && r.newest().There })
}

func (g *Leg) walk(ctx context.Context, wanted func(r *row) bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		after, first := "", true
		for {
			var rows []Row
			n := 0
			query := `SELECT ` + columns + ` FROM rows WHERE leg = ? AND key > ? ORDER BY key LIMIT ?`
			if first {
				query = `SELECT ` + columns + ` FROM rows WHERE leg = ? AND key >= ? ORDER BY key LIMIT ?`
			}
			found, err := g.l.read.QueryContext(ctx, query, g.id, after, page)
			err = each(found, err, func(found *sql.Rows) error {
				k, r, err := scan(found)
				if err != nil {
					return err
				}
				n++
				after = k
				if wanted(&r) {
					rows = append(rows, r.shown(k))
				}
				return nil
			})
			if err != nil {
				yield(Row{}, fmt.Errorf("read the ledger of %s: %w", g.key.job, err))
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
			if n < page {
				return
			}
			first = false
		}
	}
}
