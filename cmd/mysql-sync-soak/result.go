package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const heading = `| fault | what is done repeatedly | times | writes committed | lost | equal | conflicts kept | until equal |
|---|---|--:|--:|--:|---|--:|--:|`

// patience is how long both sides may take to become equal.
const patience = 5 * time.Minute

// result is what came of a fault.
type result struct {
	fault  fault
	times  int
	writes int
	lost   []string
	equal  bool
	kept   int
	took   time.Duration // from the end of the fault and the load until both sides are equal and at rest
	notes  []string
	err    error
}

// good reports whether the fault ended as it must.
func (r *result) good() bool { return r.err == nil && r.equal && len(r.lost) == 0 }

// row is the result as a row of the table.
func (r *result) row() string {
	equal := "no"
	if r.equal {
		equal = "yes"
	}
	lost := "?" // unknown as long as the sides differ
	if r.err == nil {
		lost = strconv.Itoa(len(r.lost))
	}
	does := strings.Join(append([]string{r.fault.does}, r.notes...), "; ")
	return fmt.Sprintf("| %s | %s | %d | %d | %s | %s | %d | %.1f s |",
		r.fault.name, does, r.times, r.writes, lost, equal, r.kept, r.took.Seconds())
}

// play makes the fault happen for some time under load, and checks what is left.
func (r *result) play(ctx context.Context, tb testkit.TB, each time.Duration) {
	w := newWorld(ctx, tb, r.fault)
	w.a.startNode()
	w.b.startNode()
	load := startLoad(w)
	defer load.stop() // if a fault fails
	w.pause(up)
	for end := time.Now().Add(each); r.times == 0 || !r.fault.long && time.Now().Before(end); r.times++ {
		r.fault.strike(w)
	}
	writes := append(load.stop(), w.writes...)
	for _, x := range writes {
		if !x.doubt {
			r.writes++
		}
	}
	began := time.Now()
	if r.fault.heal != nil {
		r.fault.heal(w)
	}
	w.await()
	r.took, r.equal = time.Since(began), true
	k, err := w.look()
	if err != nil {
		tb.Fatalf("read what is left: %v", err)
	}
	r.kept, r.lost, r.notes = len(k.seen), missing(writes, k), w.notes
}

// await waits until both sides are equal and at rest.
func (w *world) await() {
	testkit.Within(w.tb, patience, "both sides to be equal", func() error {
		if w.ctx.Err() != nil {
			w.tb.Fatalf("interrupted")
		}
		return w.settled()
	})
}

// settled returns nil when nothing is left to do and both sides have the same rows.
func (w *world) settled() error {
	for _, s := range w.sites() {
		var changes, outbox int
		err := s.DB.QueryRow(`SELECT (SELECT COUNT(*) FROM table_changes), (`+testkit.Waiting+`)`).Scan(&changes, &outbox)
		if err != nil {
			return fmt.Errorf("look at %s: %w", s.Name, err)
		}
		if changes+outbox > 0 {
			return fmt.Errorf("%s still has %d changes to record and %d rows to send", s.Name, changes, outbox)
		}
	}
	return w.differ()
}

// differ compares the tables of both sites, row by row.
func (w *world) differ() error {
	const all = `SELECT id, CONCAT(name, ' ', amount) FROM orders`
	one, err := w.a.names(all)
	if err != nil {
		return err
	}
	two, err := w.b.names(all)
	if err != nil {
		return err
	}
	for id, name := range one {
		if two[id] != name {
			return fmt.Errorf("row %d is %q at A and %q at B", id, name, two[id])
		}
	}
	if len(one) != len(two) {
		return fmt.Errorf("%d rows at A and %d at B", len(one), len(two))
	}
	return nil
}

// names returns the two columns of a query.
func (s *site) names(query string) (map[int64]string, error) {
	list, err := s.DB.Query(query)
	if err != nil {
		return nil, fmt.Errorf("read orders of %s: %w", s.Name, err)
	}
	defer func() { _ = list.Close() }()
	names := map[int64]string{}
	for list.Next() {
		var id int64
		var name string
		if err := list.Scan(&id, &name); err != nil {
			return nil, fmt.Errorf("read orders of %s: %w", s.Name, err)
		}
		names[id] = name
	}
	return names, list.Err()
}

// look reads what the sites, now equal, have kept.
func (w *world) look() (kept, error) {
	k := w.gone
	rows, err := w.a.names(`SELECT id, name FROM orders`)
	if err != nil {
		return k, err
	}
	k.rows = rows
	for _, s := range w.sites() {
		if err := k.add(s); err != nil {
			return k, err
		}
	}
	return k, nil
}

// add reads sync_conflicts of a site.
func (k *kept) add(s *site) error {
	var list []struct {
		ID     int64          `db:"primary_key"`
		Time   int64          `db:"loser_time"`
		Origin string         `db:"loser_origin"`
		Row    sql.NullString `db:"loser_row"`
	}
	if err := s.DB.Select(&list, `SELECT primary_key, loser_time, loser_origin, loser_row FROM sync_conflicts`); err != nil {
		return fmt.Errorf("read sync_conflicts of %s: %w", s.Name, err)
	}
	if k.seen == nil {
		k.seen, k.losers, k.deletes = map[loser]bool{}, map[string]bool{}, map[int64]map[string]int{}
	}
	for _, c := range list {
		at := loser{c.ID, c.Time, c.Origin}
		again := k.seen[at]
		k.seen[at] = true
		if !c.Row.Valid {
			if again {
				continue
			}
			if k.deletes[c.ID] == nil {
				k.deletes[c.ID] = map[string]int{}
			}
			k.deletes[c.ID][change.Version{Origin: c.Origin}.Author()]++
			continue
		}
		// Both sites may keep one version with different rows: a node sends the current row, which may be newer.
		var row struct{ Name string }
		if err := json.Unmarshal([]byte(c.Row.String), &row); err != nil {
			return fmt.Errorf("read a row in sync_conflicts of %s: %w", s.Name, err)
		}
		k.losers[row.Name] = true
	}
	return nil
}
