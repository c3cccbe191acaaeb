package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// What users, backups and the server hold at a site, and what happens to everybody else meanwhile.
// B receives; A is the source.

const (
	holdsName    = "held" // for -run, with the hold's own name after it
	holdsHeading = `| held | where | rows of another table, p50 / p99 | worst | users' statements, p99 / worst | equal after |
|---|---|--:|--:|--:|--:|`
)

// hold is something held for a while.
type hold struct {
	name string
	does string
	at   func(w *world) *site // nil: nothing is held
	// one session's statements each, which keeps what they lock; the last may wait for another's lock.
	sessions [][]string
	whole    bool // users cannot write the table either
	global   string
	undo     string // what ends it besides the sessions
}

func receiver(w *world) *site { return w.b }
func source(w *world) *site   { return w.a }

// heldTables are the table that is held and one that is not.
var heldTables = []string{
	`CREATE TABLE items (id INT PRIMARY KEY, v BIGINT, note VARCHAR(40) UNIQUE)`,
	`CREATE TABLE lines_of (id INT PRIMARY KEY, item INT, v BIGINT, FOREIGN KEY (item) REFERENCES items (id))`,
}

// heldRows is how many rows items has; users of B write the upper half, A writes all.
const heldRows = 200

var holds = []hold{
	{name: "nothing", does: "nothing"},
	{name: "row", does: "a row, by an open UPDATE", at: receiver, sessions: [][]string{{`BEGIN`, `UPDATE items SET note = 'held' WHERE id = 1`}}},
	{name: "rows", does: "half of the rows, by an open UPDATE", at: receiver, sessions: [][]string{{`BEGIN`, `UPDATE items SET note = CONCAT('held', id) WHERE id <= 100`}}},
	{name: "gap", does: "the gap for new rows, by a SELECT … FOR UPDATE in REPEATABLE READ", at: receiver,
		sessions: [][]string{{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `BEGIN`, `SELECT id FROM items WHERE id > 900 FOR UPDATE`}}},
	{name: "parent", does: "the parent of new rows, by an open UPDATE", at: receiver, sessions: [][]string{{`BEGIN`, `UPDATE items SET id = 1001 WHERE id = 1000`}}},
	{name: "table lock", does: "LOCK TABLES items READ, as in a backup", at: receiver, sessions: [][]string{{`LOCK TABLES items READ`}}, whole: true},
	{name: "metadata lock", does: "an ALTER TABLE that waits for a transaction that has read the table", at: receiver,
		sessions: [][]string{{`BEGIN`, `SELECT COUNT(*) FROM items`}, {`ALTER TABLE items COMMENT = 'x'`}}, whole: true},
	{name: "full table", does: "error 1114 for each INSERT into items, from a trigger", at: receiver, global: `CREATE TRIGGER full BEFORE INSERT ON items FOR EACH ROW
		SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'`, undo: `DROP TRIGGER full`},
	{name: "snapshot", does: "an old snapshot, as in a dump", at: receiver,
		sessions: [][]string{{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `START TRANSACTION WITH CONSISTENT SNAPSHOT`}}},
	{name: "row of the source", does: "a row, by an open UPDATE", at: source, sessions: [][]string{{`BEGIN`, `UPDATE items SET note = 'held' WHERE id = 1`}}},
	{name: "table lock of the source", does: "LOCK TABLES items READ, as in a backup", at: source, sessions: [][]string{{`LOCK TABLES items READ`}}, whole: true},
	{name: "metadata lock of the source", does: "an ALTER TABLE that waits for a transaction that has read the table", at: source,
		sessions: [][]string{{`BEGIN`, `SELECT COUNT(*) FROM items`}, {`ALTER TABLE items COMMENT = 'x'`}}, whole: true},
	{name: "snapshot of the source", does: "an old snapshot, as in a dump", at: source,
		sessions: [][]string{{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `START TRANSACTION WITH CONSISTENT SNAPSHOT`}}},
}

// playHolds plays the chosen holds, each for a time, and returns the exit code.
func playHolds(ctx context.Context, each time.Duration, chosen func(name string) bool) int {
	code, heading := 0, holdsHeading+"\n"
	for _, h := range holds {
		if !chosen(holdsName+" "+h.name) || ctx.Err() != nil {
			continue
		}
		m := &meanwhile{}
		err := testkit.Run(note, func(tb testkit.TB) { h.play(ctx, tb, each, m) })
		if err != nil {
			code = 1
			note("%s %s: failed: %v", holdsName, h.name, err)
		}
		fmt.Print(heading + h.row(m))
		heading = ""
	}
	return code
}

// meanwhile is what was measured during a hold.
type meanwhile struct {
	mu    sync.Mutex
	rows  []time.Duration // from the commit at A until the row is seen at B
	users []time.Duration // times of users' statements at both sites
	after time.Duration   // from the end until both are equal
}

func (h *hold) row(m *meanwhile) string {
	where := "-"
	if h.at != nil {
		where = "receiver"
		if strings.HasSuffix(h.name, "source") {
			where = "source"
		}
	}
	ms := func(list []time.Duration, share float64) string {
		if len(list) == 0 {
			return "-"
		}
		slices.Sort(list)
		return fmt.Sprintf("%.1f", float64(list[min(int(share*float64(len(list))), len(list)-1)].Microseconds())/1000)
	}
	return fmt.Sprintf("| %s | %s | %s / %s ms | %s ms | %s / %s ms | %.1f s |\n", h.does, where, ms(m.rows, 0.5), ms(m.rows, 0.99), ms(m.rows, 1),
		ms(m.users, 0.99), ms(m.users, 1), m.after.Seconds())
}

// play starts two sites and lets users of both write while something is held.
func (h *hold) play(ctx context.Context, tb testkit.TB, each time.Duration, m *meanwhile) {
	w := newWorld(ctx, tb, fault{set: func(w *world) { w.tables, w.quiet = heldTables, true }})
	for _, s := range w.sites() {
		for i := 1; i <= heldRows; i++ {
			testkit.Exec(tb, s.DB, fmt.Sprintf(`INSERT INTO items VALUES (%d, 0, '%d')`, i, i))
		}
		testkit.Exec(tb, s.DB, `INSERT INTO items VALUES (1000, 0, '1000')`)
	}
	w.a.startNode()
	w.b.startNode()
	w.await()
	release := func() {}
	if h.at != nil {
		release = h.begin(tb, h.at(w))
	}
	end, quit := context.WithTimeout(ctx, each)
	defer quit()
	var done sync.WaitGroup
	done.Go(func() { h.write(end, w) })
	for _, s := range w.sites() {
		done.Go(func() { h.use(end, s, m) })
	}
	done.Go(func() { h.travel(end, w, m) })
	done.Wait()
	began := time.Now()
	release()
	testkit.Within(tb, patience, "both sites to be equal", func() error { return w.settledTables() })
	m.after = time.Since(began)
}

// begin starts the sessions that hold something, and returns the function that ends them.
func (h *hold) begin(tb testkit.TB, s *site) (release func()) {
	if h.global != "" {
		testkit.Exec(tb, s.DB, h.global)
	}
	var conns []*sql.Conn
	var waiting sync.WaitGroup
	for i, statements := range h.sessions {
		conn, err := s.DB.DB.Conn(context.Background())
		if err != nil {
			tb.Fatalf("connect to %s: %v", s.Name, err)
		}
		conns = append(conns, conn)
		if i == 0 {
			testkit.Exec(tb, conn, statements...)
			continue
		}
		waiting.Go(func() { _, _ = conn.ExecContext(context.Background(), statements[0]) }) // it ends with the first session's transaction
	}
	return func() {
		if h.undo != "" {
			testkit.Exec(tb, s.DB, h.undo)
		}
		for i, conn := range conns {
			if i == 0 {
				testkit.Exec(tb, conn, `ROLLBACK`, `UNLOCK TABLES`)
			}
		}
		waiting.Wait()
		for _, conn := range conns {
			_ = conn.Close() // it goes back to its pool
		}
	}
}

// write makes A change all rows of items, and insert rows that are held up, until ctx ends.
func (h *hold) write(ctx context.Context, w *world) {
	for i := 0; pause.For(ctx, 100*time.Millisecond) == nil; i++ {
		_, _ = w.a.DB.ExecContext(ctx, `UPDATE items SET v = v + 1 WHERE id <= ?`, heldRows) // it waits when A's own table is held
		_, _ = w.a.DB.ExecContext(ctx, `INSERT INTO items VALUES (?, 0, ?)`, 2000+i, fmt.Sprint(2000+i))
		_, _ = w.a.DB.ExecContext(ctx, `INSERT INTO lines_of VALUES (?, 1000, 0)`, i)
	}
}

// use has a user of a site write their own rows, in the held table if it can be written, until ctx ends.
func (h *hold) use(ctx context.Context, s *site, m *meanwhile) {
	statements := []string{`INSERT INTO orders VALUES (?, 'user', 1)`}
	if !h.whole {
		statements = append(statements, `UPDATE items SET note = CONCAT('u', ?) WHERE id = `+fmt.Sprint(heldRows-1))
	}
	for i := 0; pause.For(ctx, 10*time.Millisecond) == nil; i++ {
		began := time.Now()
		_, err := s.DB.ExecContext(ctx, statements[i%len(statements)], rand.Int64N(1<<40)+1<<40)
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			m.mu.Lock()
			m.users = append(m.users, time.Since(began))
			m.mu.Unlock()
		}
	}
}

// travel measures how long rows of another table take from A to B, until ctx ends. One that has not
// arrived by then counts with the time so far.
func (h *hold) travel(ctx context.Context, w *world, m *meanwhile) {
	for i := 1; pause.For(ctx, 20*time.Millisecond) == nil; i++ {
		if _, err := w.a.DB.ExecContext(ctx, `INSERT INTO orders VALUES (?, 'travels', 1)`, i); err != nil {
			return
		}
		began := time.Now()
		for found := 0; found == 0 && ctx.Err() == nil; {
			_ = w.b.DB.GetContext(ctx, &found, `SELECT COUNT(*) FROM orders WHERE id = ?`, i)
		}
		m.mu.Lock()
		m.rows = append(m.rows, time.Since(began))
		m.mu.Unlock()
	}
}

// settledTables returns nil when nothing is left to do and all tables are the same at both sites.
func (w *world) settledTables() error {
	if err := w.settled(); err != nil {
		return err
	}
	for _, query := range []string{`SELECT id, CONCAT_WS(' ', v, note) FROM items`, `SELECT id, CONCAT_WS(' ', item, v) FROM lines_of`} {
		one, err := w.a.names(query)
		if err != nil {
			return err
		}
		two, err := w.b.names(query)
		if err != nil {
			return err
		}
		for id, name := range one {
			if two[id] != name || len(one) != len(two) {
				return fmt.Errorf("row %d is %q at A and %q at B; %d and %d rows", id, name, two[id], len(one), len(two))
			}
		}
	}
	return nil
}
