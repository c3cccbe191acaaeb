package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// insert writes rows with the numbers from one to another.
func (s *site) insert(table string, from, to int, values func(i int) string) {
	s.t.Helper()
	for at := from; at <= to; at += 500 {
		var list []string
		for i := at; i < at+500 && i <= to; i++ {
			list = append(list, "("+values(i)+")")
		}
		s.Exec("INSERT INTO " + table + " VALUES " + strings.Join(list, ","))
	}
}

// Thousands of children wait for parents that another node sends. They are not retried over
// and over, are no errors, hold up no other table, and are in step as soon as their parents
// have arrived: from that node, by hand, or after the sender was restarted meanwhile.
func TestAWaitingRowIsTriedWhenItsNeedsArrive(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const rows, parents = 3000, 10
	extra := func(sync, receive []string) map[string]any {
		return map[string]any{"syncTables": sync, "receiveTables": receive}
	}
	a := newSite(t, b, "node-a", []string{"hub"}, nil, extra([]string{"child", "other"}, []string{}))
	hub := newSite(t, b, "hub", []string{"node-a", "node-c"}, nil, extra([]string{}, []string{"child", "other", "parent"}))
	c := newSite(t, b, "node-c", []string{"hub"}, nil, extra([]string{"parent"}, []string{}))
	const child, other, parent = `CREATE TABLE child (id INT PRIMARY KEY, parent VARCHAR(20), FOREIGN KEY (parent) REFERENCES parent (name))`,
		`CREATE TABLE other (id INT PRIMARY KEY)`, `CREATE TABLE parent (name VARCHAR(20) PRIMARY KEY)`
	a.Exec(`CREATE TABLE child (id INT PRIMARY KEY, parent VARCHAR(20))`, other)
	hub.Exec(parent, child, other)
	c.Exec(parent)
	a.start()
	hub.start()
	c.start()
	synced(a, c)
	a.insert("child", 1, rows, func(i int) string { return fmt.Sprintf("%d, 'p%d'", i, i%parents) })
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting'`, fmt.Sprint(rows))
	a.Exec(`INSERT INTO other VALUES (1)`)
	hub.Expect(`SELECT id FROM other`, "1")
	a.Expect(`SELECT table_name, status, COUNT(*) FROM sync_status GROUP BY 1, 2`, fmt.Sprintf(`"child"|"pending"|%d`, rows), `"other"|"successful"|1`)

	// Children of a single parent go in at the hub along with it, and the sender is told.
	c.Exec(`INSERT INTO parent VALUES ('p0')`)
	hub.Expect(`SELECT COUNT(*) FROM child`, fmt.Sprint(rows/parents))
	a.Expect(`SELECT COUNT(*) FROM sync_outbox`, fmt.Sprint(rows-rows/parents))

	// Nobody announces rows inserted by hand: some children are retried, and then all.
	var values []string
	for i := 1; i < parents; i++ {
		values = append(values, fmt.Sprintf("('p%d')", i))
	}
	refused := a.state("the rows wait", func(s *status.State) error { return wanted(s.Streams[0].Refused >= rows) }).Streams[0].Refused
	hub.Exec(`INSERT INTO parent VALUES ` + strings.Join(values, ","))
	hub.Expect(`SELECT COUNT(*) FROM child`, fmt.Sprint(rows))
	a.Expect(`SELECT status, COUNT(*) FROM sync_status GROUP BY 1`, fmt.Sprintf(`"successful"|%d`, rows+1))
	if refused > rows+500 {
		t.Errorf("%d rows were refused %d times before what they waited for arrived", rows, refused)
	}

	// A start finds waiting rows in its own tables.
	a.insert("child", rows+1, rows+700, func(i int) string { return fmt.Sprintf("%d, 'q'", i) })
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting'`, "700")
	a.Node.Kill()
	c.Exec(`INSERT INTO parent VALUES ('q')`)
	hub.Expect(`SELECT COUNT(*) FROM child`, fmt.Sprint(rows+700))
	a.start()
	a.Expect(`SELECT (SELECT COUNT(*) FROM sync_outbox), (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful')`, "0|0")
	for _, s := range []*site{a, hub} {
		if n := s.lines("rows wait for others") + s.lines("the remote refused rows"); n > 4 {
			t.Errorf("%s logged waiting rows %d times", s.Name, n)
		}
	}
}

// Rows that a rule of the receiver's table refuses are retried rarely, and logged in one line. Later rows of
// other tables do not wait until all are refused. Once something has changed there,
// all are retried.
func TestRefusedRowsAreTriedLikeFewRows(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const rows = 4000
	a, c := newPair(t, b, []string{"numbers", "other"}, `CREATE TABLE other (id INT PRIMARY KEY)`)
	a.Exec(`CREATE TABLE numbers (id INT PRIMARY KEY, n INT)`)
	c.Exec(`CREATE TABLE numbers (id INT PRIMARY KEY, n INT, CONSTRAINT small CHECK (n < 100))`)
	a.start()
	c.start()
	synced(a, c)
	a.insert("numbers", 1, rows, func(i int) string { return fmt.Sprintf("%d, %d", i, 1000+i) })
	a.Exec(`INSERT INTO other VALUES (1)`)
	a.Expect(`SELECT COUNT(*) > 0 FROM sync_outbox WHERE state = 'waiting'`, "1") // a busy MySQL takes 40 ms for each
	c.Expect(`SELECT id FROM other`, "1")
	if early, err := a.Rows(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting'`); err != nil || early == fmt.Sprintf("%d\n", rows) {
		t.Errorf("when the other table's row arrived, %s were refused: %v", early, err)
	}
	a.Expect(`SELECT status, COUNT(*) FROM sync_status WHERE table_name = 'numbers' GROUP BY 1`, fmt.Sprintf(`"error"|%d`, rows))
	for s, text := range map[*site]string{a: "the remote refused rows", c: "rows not applied"} {
		if n := s.lines(text); n == 0 || n > 4 {
			t.Errorf("%s logged refused rows %d times", s.Name, n)
		}
	}
	c.Exec(`ALTER TABLE numbers DROP CONSTRAINT small`)
	testkit.Alike(t, `SELECT * FROM numbers ORDER BY id`, a, c)
	a.Expect(`SELECT COUNT(*) FROM sync_outbox`, "0")
}
