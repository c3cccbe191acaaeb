package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reached is how far a state has got: it tells which of two is newer.
type Reached struct {
	Life                  string
	Parent                string    // the life of the copy that it was restored from; "" if it was not
	Runs, Batches, Places int64     // how many there have been, in this life and earlier ones
	Last                  time.Time // when anything was last done; zero if nothing was
	Worked                bool      // a run of a configured job has ended
}

// Beyond reports whether the state has done things that the other does not know of.
func (r Reached) Beyond(other Reached) bool {
	if r.Life == other.Life && (r.Runs > other.Runs || r.Batches > other.Batches || r.Places > other.Places) {
		return true
	}
	return r.Last.After(other.Last) // for different lives, only the times can be compared
}

// Reached returns how far the state has got.
func (l *Ledger) Reached(ctx context.Context) (Reached, error) {
	var r Reached
	var last nullTime
	err := l.read.QueryRowContext(ctx, `SELECT coalesce((SELECT value FROM meta WHERE name = 'life'), ''), coalesce((SELECT value FROM meta WHERE name = 'parent'), ''),
		coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batches'), 0), coalesce((SELECT sum(place) FROM watermarks), 0),
		(SELECT max(t) FROM (SELECT max(started) t FROM runs UNION ALL SELECT max(ended) FROM runs UNION ALL SELECT max(sent_at) FROM batches UNION ALL SELECT max(refused_at) FROM refused)),
		EXISTS (SELECT 1 FROM runs r JOIN jobs j ON j.id = r.job WHERE r.ended IS NOT NULL AND j.name NOT LIKE '`+Inner+`%')`).
		Scan(&r.Life, &r.Parent, &r.Runs, &r.Batches, &r.Places, &last, &r.Worked)
	if err != nil {
		return r, fmt.Errorf("read how far %s has got: %w", l.file, err)
	}
	r.Last = last.Time()
	return r, nil
}

// ReachedBy returns how far the state in a file has got, whether or not a process uses it.
func ReachedBy(ctx context.Context, file string) (Reached, error) {
	l, err := View(ctx, file, Config{})
	if err != nil {
		return Reached{}, err
	}
	r, err := l.Reached(ctx)
	return r, errors.Join(err, l.Close())
}
