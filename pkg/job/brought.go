package job

import (
	"context"
	"encoding/hex"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Brought names another job's leg that brings rows from this job's destination to its source. Both identify rows by the
// same key.
type Brought struct{ Job, Leg string }

// origins returns, for each key, which state of the row was last brought from the destination, or "".
func (l *Leg) origins(ctx context.Context, keys []string) ([]string, error) {
	list := make([]string, len(keys))
	for _, g := range l.brought {
		rows, err := g.Look(ctx, keys)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if s := rows[i].Newest; rows[i].ID != 0 && s.There {
				list[i] = hex.EncodeToString(s.Hash[:])
			}
		}
	}
	return list, nil
}

// keepBack decides whether the source's state of a row was brought from the destination: the first state seen after that
// was. It is remembered but not sent; a later one is a change made here. Promise 9.
func keepBack(e *ledger.Entry, known *ledger.Row, origin string) {
	e.CameFrom = origin
	e.Had = origin != "" && known.CameFrom != origin
}
