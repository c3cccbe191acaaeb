package hook

import (
	"bytes"
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// store stores all rows or none, and returns how many were new. They are on disk when it returns. Promise 1.
func (s *Source) store(ctx context.Context, rows []row) (changed int, err error) {
	rows = newest(rows)
	if len(rows) == 0 {
		return 0, nil
	}
	b, err := s.Inbox(ctx)
	if err != nil {
		return 0, err
	}
	d := ledger.Delivery{Inbox: b, Keys: make([]string, len(rows))}
	for i := range rows {
		d.Keys[i] = rows[i].key
	}
	left := rows
	d.Decide = func(known []ledger.Pushed) (list []ledger.Pushed, err error) {
		for i := range known {
			if r := &left[i]; changes(&known[i], r) {
				list = append(list, ledger.Pushed{Key: r.key, Version: []byte(r.version), Data: r.data})
			}
		}
		left = left[len(known):]
		changed += len(list)
		return list, nil
	}
	// A client that has gone may have sent everything: repeating it changes nothing.
	if err := s.state().Deliver(context.WithoutCancel(ctx), d); err != nil {
		return 0, err
	}
	if changed > 0 {
		s.Came()
	}
	return changed, nil
}

// newest returns the last state of each row in a request, or the newest if they have versions.
func newest(rows []row) []row {
	at := make(map[string]int, len(rows))
	list := rows[:0]
	for _, r := range rows {
		i, twice := at[r.key]
		switch {
		case !twice:
			at[r.key] = len(list)
			list = append(list, r)
		case !older(r.version, list[i].version):
			list[i] = r
		}
	}
	return list
}

// changes reports whether a row replaces what is stored. Promise 2.
func changes(known *ledger.Pushed, r *row) bool {
	return known.Number == 0 || !bytes.Equal(known.Data, r.data) && !older(r.version, string(known.Version))
}

// older reports whether one version precedes another, if both are known.
func older(a, b string) bool { return a != "" && b != "" && job.Later(b, a) }
