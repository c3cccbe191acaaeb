package node_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// loadIDs is how many ids of the table orders belong to one load.
const loadIDs = 1_000_000

// load writes rows of the table orders at one site, one per transaction, and knows what it has committed.
type load struct {
	s     *site
	first int          // of its ids
	count atomic.Int64 // of committed statements
	last  atomic.Int64 // id that was inserted
	quit  chan struct{}
	done  chan struct{}

	// For others only when done is closed.
	rows  map[int]string // names of committed rows; empty: deleted
	doubt map[int]bool   // an error left open whether the statement was committed
}

// write starts a load on the ids from first on. It ends with the test.
func (s *site) write(first int) *load {
	w := &load{s: s, first: first, quit: make(chan struct{}), done: make(chan struct{}), rows: map[int]string{}, doubt: map[int]bool{}}
	go w.run()
	s.t.Cleanup(w.stop)
	return w
}

// run inserts rows and, after every third, updates or deletes an older one. It carries on despite errors. A poll of the
// node finds several of them; more would cost processor time, for as long as a timeout that a test waits for.
func (w *load) run() {
	defer close(w.done)
	pace := time.NewTicker(8 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		id := w.first + n
		if w.exec(id, fmt.Sprintf("row %d", n), "INSERT INTO orders (name, id) VALUES (?, ?)") {
			w.last.Store(int64(id))
		}
		switch old := w.first + n/2; n % 6 {
		case 2:
			w.exec(old, fmt.Sprintf("row %d again", n), "UPDATE orders SET name = ? WHERE id = ?")
		case 5:
			w.exec(old, "", "DELETE FROM orders WHERE name <> ? AND id = ?")
		}
		select {
		case <-w.quit:
			return
		case <-pace.C:
		}
	}
}

// exec reports whether a row was written.
func (w *load) exec(id int, name, statement string) bool {
	res, err := w.s.DB.Exec(statement, name, id)
	if err != nil {
		w.doubt[id] = true
		return false
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return false
	}
	w.rows[id] = name
	w.count.Add(1)
	return true
}

// more waits until the load has committed n further statements.
func (w *load) more(n int64) {
	w.s.t.Helper()
	goal := w.count.Load() + n
	testkit.Eventually(w.s.t, fmt.Sprintf("%d more statements at %s", n, w.s.Name), func() error {
		if at := w.count.Load(); at < goal {
			return fmt.Errorf("%d are missing", goal-at)
		}
		return nil
	})
}

// reaches waits until a site has what was written until now.
func (w *load) reaches(s *site) {
	w.s.t.Helper()
	w.more(1)
	s.Expect(fmt.Sprintf(`SELECT MAX(id) >= %d FROM orders WHERE id < %d`, w.last.Load(), w.first+loadIDs), `1`)
}

// stop ends the load. It may be called again.
func (w *load) stop() {
	select {
	case <-w.quit:
	default:
		close(w.quit)
	}
	<-w.done
}

// check compares what a site has with what the load has committed.
func (w *load) check(s *site) error {
	var rows []struct {
		ID   int    `db:"id"`
		Name string `db:"name"`
	}
	if err := s.DB.Select(&rows, `SELECT id, name FROM orders WHERE id BETWEEN ? AND ?`, w.first, w.first+loadIDs-1); err != nil {
		return err
	}
	has := map[int]string{}
	for _, r := range rows {
		has[r.ID] = r.Name
		if want, ok := w.rows[r.ID]; !w.doubt[r.ID] && (!ok || want != r.Name) {
			return fmt.Errorf("%s has row %d as %q, want %q", s.Name, r.ID, r.Name, want)
		}
	}
	for id, want := range w.rows {
		if _, ok := has[id]; !ok && want != "" && !w.doubt[id] {
			return fmt.Errorf("%s has %d rows but lacks row %d, %q", s.Name, len(rows), id, want)
		}
	}
	return nil
}

// settle ends the loads and waits until all sites have what was committed, with nothing left to do.
func settle(t *testing.T, sites []*site, loads ...*load) {
	t.Helper()
	for _, w := range loads {
		w.stop()
	}
	testkit.Within(t, 2*time.Minute, "all rows everywhere", func() error {
		for _, w := range loads {
			for _, s := range sites {
				if err := w.check(s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, sites...)
	for _, s := range sites {
		s.Recorded()
		testkit.Within(t, time.Minute, s.Name+" to have nothing to do", func() error {
			got, err := s.Rows(`SELECT (` + testkit.Waiting + `), (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful')`)
			if err == nil && got != "0|0\n" {
				err = fmt.Errorf("outbox, not successful: %s", got)
			}
			return err
		})
	}
}
