package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// glance is the interval at which the databases are polled.
const glance = 20 * time.Millisecond

// stage is where the story plays.
type stage struct {
	tb             testkit.TB
	screen         *screen
	berlin, boston *site
	link           *testkit.Proxy
	apart          bool            // the link is cut
	took           []time.Duration // from a commit at one site to its row at the other, while linked
}

// put writes a row at a site, as the site's users would.
func (st *stage) put(s *site, r row) {
	st.wrote(s, []row{r})
	if _, err := s.db.NamedExec(`REPLACE INTO goods (id, item, price) VALUES (:id, :item, :price)`, r); err != nil {
		st.tb.Fatalf("write at %s: %v", s.name, err)
	}
	st.screen.note("%s writes    %s", s.name, r.text(s.currency))
}

// remove deletes a row at a site.
func (st *stage) remove(s *site, id string) {
	st.wrote(s, []row{{ID: id}})
	if _, err := s.db.Exec(`DELETE FROM goods WHERE id = ?`, id); err != nil {
		st.tb.Fatalf("delete at %s: %v", s.name, err)
	}
	st.screen.note("%s deletes   %s", s.name, id)
}

// fill writes many rows at a site in one statement.
func (st *stage) fill(s *site, count int, item, price string) {
	rows := make([]row, count)
	for i := range rows {
		rows[i] = row{fmt.Sprintf("box-%s-%03d", s.name, i+1), item, price}
	}
	st.wrote(s, rows)
	if _, err := s.db.NamedExec(`INSERT INTO goods (id, item, price) VALUES (:id, :item, :price)`, rows); err != nil {
		st.tb.Fatalf("write at %s: %v", s.name, err)
	}
	st.screen.note("%s writes    %d rows at once", s.name, count)
}

// wrote remembers what a site's users are about to write, so that it is not mistaken for a received row.
func (st *stage) wrote(s *site, rows []row) {
	for _, r := range rows {
		s.own[r.ID] = r
		if !st.apart {
			s.at[r.ID] = time.Now()
		}
	}
}

// look reads both sites, reports what each has received, and draws.
func (st *stage) look() {
	st.lookAt(st.berlin, st.boston)
	st.lookAt(st.boston, st.berlin)
	st.screen.draw(st)
}

func (st *stage) lookAt(s, other *site) {
	before := slices.Clone(s.rows)
	if err := s.look(); err != nil {
		st.tb.Fatalf("%v", err)
	}
	const told = 3 // more than that are only counted
	received := slices.DeleteFunc(changed(before, s.rows), func(r row) bool {
		own, wrote := s.own[r.ID]
		return wrote && own == r
	})
	for _, r := range received {
		delete(s.own, r.ID)
		text := r.text(s.currency)
		if written, ok := other.at[r.ID]; ok {
			delete(other.at, r.ID)
			took := time.Since(written)
			st.took = append(st.took, took)
			text += fmt.Sprintf("   after %d ms", took.Milliseconds())
		}
		if len(received) <= told {
			st.screen.note("%s receives  %s", s.name, text)
		}
	}
	if len(received) > told {
		st.screen.note("%s receives  %s", s.name, rows(len(received)))
	}
}

// changed returns the rows that differ between two polls; a deleted row has only its id.
func changed(before, after []row) []row {
	old := make(map[string]row, len(before))
	for _, r := range before {
		old[r.ID] = r
	}
	var list []row
	for _, r := range after {
		if old[r.ID] != r {
			list = append(list, r)
		}
		delete(old, r.ID)
	}
	for id := range old {
		list = append(list, row{ID: id})
	}
	return list
}

// text shows a row on one line.
func (r row) text(currency string) string {
	if r.Item == "" {
		return r.ID + " is deleted"
	}
	return fmt.Sprintf("%-10s %-14s %s %s", r.ID, r.Item, r.Price, currency)
}

// watch polls until done returns true, and reports whether that happened in time. The demonstration ends with ctx.
func (st *stage) watch(ctx context.Context, atMost time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(atMost); ; {
		st.look()
		if done() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		if pause.For(ctx, glance) != nil {
			st.tb.Fatalf("interrupted")
		}
	}
}

// settled reports whether both sites are equal and have acknowledged everything.
func (st *stage) settled() bool {
	return st.berlin.pending == 0 && st.boston.pending == 0 && st.difference() == ""
}

// difference describes the first difference between the sites, "" if there is none. Prices are equal when boston's is
// berlin's at the transformer's rate.
func (st *stage) difference() string {
	a, b := st.berlin.rows, st.boston.rows
	for i := range min(len(a), len(b)) {
		if a[i].ID != b[i].ID || a[i].Item != b[i].Item || cents(a[i].Price)*5 != cents(b[i].Price)*4 {
			return fmt.Sprintf("berlin has %v where boston has %v", a[i], b[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("berlin has %s, boston %d", rows(len(a)), len(b))
	}
	return ""
}

// cents reads a DECIMAL(10,2) as the server prints it.
func cents(price string) int {
	n, err := strconv.Atoi(strings.Replace(price, ".", "", 1))
	if err != nil { // cannot happen: the column has no other form
		return -1
	}
	return n
}
