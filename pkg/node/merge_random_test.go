package node_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const mergedRows = 4

// mergedWriter writes at random to sites that do not hear each other, and knows what it wrote.
type mergedWriter struct {
	*rand.Rand
	sites  []*site
	tokens int
	last   map[string]map[int]string // by row and column: the last text of each site
	whole  map[int]bool              // rows of which a site wrote all columns
}

// write has a site write a row: columns of it nine times of twelve, else all of it.
func (w *mergedWriter) write() {
	at, row := w.IntN(len(w.sites)), w.IntN(mergedRows)
	s := w.sites[at]
	w.tokens++
	text := fmt.Sprintf("t%dt", w.tokens)
	switch x := w.IntN(12); x {
	case 9:
		s.Exec(fmt.Sprintf(`REPLACE INTO orders (id, a, c, e, u1, u2) VALUES (%d, '%s', 'y', 'Y', %[1]d, %[1]d)`, row, text))
	case 10:
		s.Exec(fmt.Sprintf(`DELETE FROM orders WHERE id = %d`, row))
	case 11:
		s.Exec(fmt.Sprintf(`INSERT INTO orders (id, a, u1, u2) VALUES (%d, '%s', %[1]d, %[1]d) ON DUPLICATE KEY UPDATE a = '%[2]s', e = NULL`, row, text))
	default:
		var set []string
		for _, c := range []string{"a", "b", "c", "d", "e"} {
			if w.IntN(3) > 0 {
				continue
			}
			value := "'" + text + c + "'"
			if c == "d" {
				value = `'"` + text + c + `"'`
			}
			set = append(set, c+" = "+value)
			key := fmt.Sprint(row, " ", c)
			if w.last[key] == nil {
				w.last[key] = map[int]string{}
			}
			w.last[key][at] = text + c
		}
		if len(set) > 0 {
			s.Exec(fmt.Sprintf(`UPDATE orders SET %s WHERE id = %d`, strings.Join(set, ", "), row))
		}
		return
	}
	w.whole[row] = true
}

// check finds what is neither in a row nor kept as a loser. A column that one site alone wrote must be as it wrote it.
func (w *mergedWriter) check(t *testing.T, round int) {
	t.Helper()
	losers := ""
	for _, s := range w.sites {
		some, err := s.Rows(`SELECT loser_row FROM sync_conflicts`)
		if err != nil {
			t.Fatal(err)
		}
		losers += some
	}
	for key, by := range w.last {
		var row int
		var column string
		if _, err := fmt.Sscan(key, &row, &column); err != nil {
			t.Fatal(err)
		}
		if w.whole[row] {
			continue
		}
		got, err := w.sites[0].Rows(fmt.Sprintf(`SELECT %s FROM orders WHERE id = %d`, column, row))
		if err != nil {
			t.Fatal(err)
		}
		for at, text := range by {
			if !strings.Contains(got, text) && (len(by) == 1 || !strings.Contains(losers, text)) {
				t.Errorf("round %d: %s was written by %d sites, by %s as %s; it is %s", round, key, len(by), w.sites[at].Name, text, got)
			}
		}
	}
}

// TestMergedRowsConvergeWhateverIsWritten: three sites write columns and whole rows at random while they are apart, meet in any
// order, one of them killed as it starts, and the table gets a column. All end up with the same rows and states, and each text is
// in its row or kept.
func TestMergedRowsConvergeWhateverIsWritten(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	merging := func(name string, remotes ...string) *site {
		s := newSite(t, b, name, remotes, []string{"orders"}, map[string]any{"conflictPolicy": map[string]any{"orders": "merge"}})
		s.Exec(`CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, a VARCHAR(100), b TEXT, c VARBINARY(60), d JSON, e CHAR(40), u1 INT, u2 INT, UNIQUE (u1, u2))`)
		return s.start()
	}
	sites := []*site{merging("hub", "store-1", "store-2"), merging("store-1", "hub"), merging("store-2", "hub")}
	w := &mergedWriter{Rand: rand.New(rand.NewPCG(7, 1)), sites: sites}
	for round := range 4 {
		for row := range mergedRows {
			sites[0].Exec(fmt.Sprintf(`INSERT IGNORE INTO orders (id, a, u1, u2) VALUES (%d, 'there', %[1]d, %[1]d)`, row))
		}
		for _, s := range sites {
			s.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(mergedRows))
		}
		rest(sites...)
		for _, s := range sites {
			s.Node.Stop()
			if round == 2 {
				s.Exec(`ALTER TABLE orders ADD f VARCHAR(20) DEFAULT 'new'`)
			}
		}
		w.last, w.whole = map[string]map[int]string{}, map[int]bool{}
		for range 16 {
			w.write()
		}
		for i, at := range w.Perm(len(sites)) {
			if sites[at].start(); i == round%len(sites) {
				sites[at].Node.Kill()
				sites[at].start()
			}
		}
		rest(sites...)
		testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, sites...)
		testkit.Alike(t, `SELECT row_id, time, origin, seen, made FROM sync_versions ORDER BY row_id`, sites...)
		w.check(t, round)
	}
}
