package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const seats = `CREATE TABLE seats (id INT PRIMARY KEY, place VARCHAR(10) NOT NULL UNIQUE, name VARCHAR(20))`

// TestUniqueValuesSwapAndMove exchanges values of a unique key between rows, one
// of which has a child.
func TestUniqueValuesSwapAndMove(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	guests := `CREATE TABLE guests (id INT PRIMARY KEY, seat INT, FOREIGN KEY (seat) REFERENCES seats (id) ON DELETE CASCADE)`
	a, c := pair(t, b, []string{"seats", "guests"}, seats, guests)
	quiet(a, c)
	a.Exec(`INSERT INTO seats VALUES (1, 'A', 'one'), (2, 'B', 'two'), (3, 'C', 'three'), (4, 'D', 'four')`, `INSERT INTO guests VALUES (1, 1)`)
	c.Expect(`SELECT COUNT(*) FROM seats`, `4`)
	c.Expect(`SELECT COUNT(*) FROM guests`, `1`)
	tx := a.DB.MustBegin()
	tx.MustExec(`UPDATE seats SET place = 'x' WHERE id = 1`)
	tx.MustExec(`UPDATE seats SET place = 'A' WHERE id = 2`)
	tx.MustExec(`UPDATE seats SET place = 'B' WHERE id = 1`)
	tx.MustExec(`DELETE FROM seats WHERE id = 3`)
	tx.MustExec(`UPDATE seats SET place = 'C' WHERE id = 4`)
	tx.MustExec(`INSERT INTO seats VALUES (5, 'D', 'five')`)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	c.Expect(`SELECT id, place FROM seats ORDER BY id`, `1|"B"`, `2|"A"`, `4|"C"`, `5|"D"`)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM guests`, `1`)
		s.Expect(testkit.Waiting, `0`)
	}
}

// TestUniqueClashesAreKeptAndReported writes the same value to different rows on both
// sides: no row is overwritten, and both sides report it.
func TestUniqueClashesAreKeptAndReported(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"seats"}, seats)
	a.Exec(`INSERT INTO seats VALUES (9, 'Z', 'first')`)
	c.Expect(`SELECT id FROM seats`, `9`)
	c.Node.Stop()
	a.Exec(`INSERT INTO seats VALUES (1, 'A', 'from a'), (3, 'C', 'good')`)
	c.Exec(`INSERT INTO seats VALUES (2, 'A', 'from b')`)
	c.start()
	c.Expect(`SELECT id, place, name FROM seats ORDER BY id`, `2|"A"|"from b"`, `3|"C"|"good"`, `9|"Z"|"first"`)
	a.Expect(`SELECT id, place, name FROM seats ORDER BY id`, `1|"A"|"from a"`, `3|"C"|"good"`, `9|"Z"|"first"`)
	a.Expect(`SELECT primary_key, message LIKE '%Duplicate entry%' FROM sync_status WHERE status <> 'successful'`, `"1"|1`)
	c.Expect(`SELECT primary_key, message LIKE '%Duplicate entry%' FROM sync_status WHERE status <> 'successful'`, `"2"|1`)
	// Making room on one side lets both rows through by themselves.
	c.Exec(`UPDATE seats SET place = 'B' WHERE id = 2`)
	testkit.Alike(t, `SELECT * FROM seats ORDER BY id`, a, c)
	a.Expect(`SELECT COUNT(*) FROM seats`, `4`)
}
