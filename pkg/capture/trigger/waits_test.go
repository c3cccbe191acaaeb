package trigger_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A scene is what two sessions do in turn, each line "A: statement" or "B: statement". A line "A."
// waits until A's last statement has been answered. A session that still waits when its next
// statement comes gives up the previous one.
var scenes = map[string][]string{
	"a cascade, and writes of other rows": {
		`A: BEGIN`, `A: DELETE FROM p WHERE id = 1`, `B: INSERT INTO a (code) VALUES ('q')`, `B: UPDATE a SET n = 7`,
		`B: UPDATE p SET id = 20 WHERE id = 2`, `B: INSERT INTO c (p) VALUES (20)`, `A: COMMIT`,
	},
	"two cascades in transactions": {
		`A: BEGIN`, `B: BEGIN`, `A: UPDATE p SET id = 10 WHERE id = 1`, `B: UPDATE p SET id = 30 WHERE id = 3`, `A: UPDATE a SET n = 1`, `B: INSERT INTO a (code) VALUES ('q')`, `B: COMMIT`, `A: COMMIT`,
	},
	"a cascade, and its neighbours": {
		`A: BEGIN`, `A: DELETE FROM p WHERE id = 2`, `B: INSERT INTO c (id, p) VALUES (-7, 3)`, `B: INSERT INTO c (id, p) VALUES (99, 1)`, `B: INSERT INTO c (id, p) VALUES (-99, 1)`,
		`B: INSERT INTO s (id, p) VALUES (-99, 3)`, `B: INSERT INTO s (id, p) VALUES (99, 1)`, `B: INSERT INTO c (p) VALUES (NULL)`, `B: UPDATE c SET p = 1 WHERE p = 3`, `B: DELETE FROM p WHERE id = 3`, `A: ROLLBACK`,
	},
	"a parent without children, and its neighbours": {
		`A: BEGIN`, `A: DELETE FROM r`, `A: DELETE FROM p WHERE id = 4`, `B: INSERT INTO c (p) VALUES (3)`, `B: INSERT INTO c (p) VALUES (1)`, `B: INSERT INTO s (p) VALUES (3)`,
		`B: UPDATE p SET v = 1 WHERE id = 3`, `A: COMMIT`,
	},
	"a child is written while its parent goes": {
		`A: BEGIN`, `A: UPDATE c SET p = 3 WHERE id = 1`, `B: DELETE FROM p WHERE id = 1`, `A: COMMIT`, `B.`,
		`A: BEGIN`, `A: DELETE FROM p WHERE id = 2`, `B: INSERT INTO c (p) VALUES (2)`, `A: COMMIT`, `B.`,
	},
	"one row": {
		`A: BEGIN`, `A: UPDATE b SET v = 5 WHERE x = 1`, `B: UPDATE b SET v = 6 WHERE x = 1`, `A: COMMIT`, `B.`,
		`A: BEGIN`, `A: DELETE FROM b WHERE x = 1 AND y = 'one'`, `B: INSERT INTO b VALUES (1, 'one', 3)`, `A: ROLLBACK`, `B.`,
		`A: SELECT * FROM b FOR UPDATE`, `A: BEGIN`, `A: UPDATE b SET v = 0`, `B: SELECT * FROM b WHERE x = 1 FOR UPDATE NOWAIT`, `B: SET innodb_lock_wait_timeout = 4`, `B: DELETE FROM b`, `B.`, `A: COMMIT`,
	},
	"a value that only one may have": {
		`A: BEGIN`, `A: INSERT INTO a (code) VALUES ('q')`, `B: INSERT INTO a (code) VALUES ('q')`, `A: ROLLBACK`, `B.`,
	},
	"a deadlock": {
		`A: BEGIN`, `A: UPDATE b SET v = 1 WHERE x = 1 AND y = 'one'`, `A: UPDATE a SET n = 8`, `B: BEGIN`, `B: UPDATE b SET v = 5 WHERE x = 2 AND y = 'two'`,
		`A: UPDATE b SET v = 3 WHERE x = 2 AND y = 'two'`, `B: UPDATE b SET v = 4 WHERE x = 1 AND y = 'one'`, `A.`, `A: COMMIT`, `B: COMMIT`,
	},
	"readers": {
		`A: SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE`, `A: BEGIN`, `A: SELECT * FROM b WHERE x = 1 AND y = 'one'`, `B: UPDATE b SET v = 9 WHERE x = 2 AND y = 'two'`, `B: DELETE FROM p WHERE id = 1`,
		`B: UPDATE b SET v = 9 WHERE x = 1 AND y = 'one'`, `A: COMMIT`, `B.`,
		`A: START TRANSACTION WITH CONSISTENT SNAPSHOT`, `B: UPDATE b SET v = 77`, `B: DELETE FROM p WHERE id = 2`, `A: COMMIT`,
		`A: BEGIN`, `A: SELECT * FROM a WHERE id > 2 FOR UPDATE`, `B: UPDATE a SET n = 0 WHERE id = 1`, `B: INSERT INTO a (code) VALUES ('q')`, `A: COMMIT`, `B.`,
	},
	"definitions": {
		`A: BEGIN`, `A: INSERT INTO a (code) VALUES ('q')`, `B: ALTER TABLE b COMMENT 'altered'`, `B: ALTER TABLE a COMMENT 'altered'`, `A: COMMIT`, `B.`,
		`A: LOCK TABLES b READ`, `B: INSERT INTO a (code) VALUES ('z')`, `B: UPDATE b SET v = 1`, `A: UNLOCK TABLES`, `B.`,
	},
}

// nearer is the scene in which sessions wait on MariaDB that would not without triggers: see limits.md.
// At READ COMMITTED they do not wait.
const nearer = "a cascade, and its neighbours"

// player is one session of a scene.
type player struct {
	conn   *sql.Conn
	id     uint64
	answer chan string
	busy   bool
}

// play runs the scene in a schema and returns what happened, line by line.
func play(t *testing.T, db *mysqldb.DB, scene []string) (happened []string) {
	t.Helper()
	players := map[string]*player{}
	for _, name := range []string{"A", "B"} {
		conn, end := session(t, db)
		defer end()
		p := &player{conn: conn, answer: make(chan string, 1)}
		if err := conn.QueryRowContext(t.Context(), `SELECT CONNECTION_ID()`).Scan(&p.id); err != nil {
			t.Fatal(err)
		}
		players[name] = p
	}
	for _, line := range scene {
		p := players[line[:1]]
		if _, statement, ok := strings.Cut(line, ": "); ok {
			if p.busy {
				testkit.Exec(t, db, fmt.Sprintf(`KILL QUERY %d`, p.id))
				happened = append(happened, line[:1]+" -> "+p.hear(t, db, true))
			}
			p.busy = true
			go func() { p.answer <- spoken(p.conn, statement, "") }()
		}
		said := p.hear(t, db, line == line[:1]+".")
		happened = append(happened, line+" -> "+said)
	}
	for _, p := range players {
		if p.busy {
			testkit.Exec(t, db, fmt.Sprintf(`KILL QUERY %d`, p.id))
			happened = append(happened, "at the end -> "+p.hear(t, db, true))
		}
	}
	return happened
}

// hear returns the answer, or that the session waits for a lock, unless the scene waits for it.
func (p *player) hear(t *testing.T, db *mysqldb.DB, patient bool) string {
	t.Helper()
	if !p.busy {
		return "nothing"
	}
	seen := 0
	for {
		select {
		case said := <-p.answer:
			p.busy = false
			return said
		case <-time.After(10 * time.Millisecond):
		}
		if patient {
			continue
		}
		waits := 0
		if p.waits(t, db) {
			waits = 1
		}
		if seen = seen*waits + waits; seen == 8 { // not just for a moment
			return "waits"
		}
	}
}

// waits reports whether the session waits for a lock now. INNODB_TRX is no help: it shows the state
// as of a tenth of a second without readers. MySQL 9's status does not show who waits for a foreign key's check; MariaDB
// has no list of waits.
func (p *player) waits(t *testing.T, db *mysqldb.DB) bool {
	t.Helper()
	if testkit.Shared(t).Flavour == testkit.FlavourMySQL {
		waits := false
		err := db.GetContext(t.Context(), &waits, `SELECT COUNT(*) > 0 FROM performance_schema.data_lock_waits w
			JOIN performance_schema.threads t ON t.THREAD_ID = w.REQUESTING_THREAD_ID WHERE t.PROCESSLIST_ID = ?`, p.id)
		if err != nil {
			t.Fatal(err)
		}
		return waits || p.waitsForTable(t, db)
	}
	var kind, name, status string
	if err := db.QueryRowContext(t.Context(), `SHOW ENGINE INNODB STATUS`).Scan(&kind, &name, &status); err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(status, "---TRANSACTION ") {
		if strings.Contains(section, fmt.Sprintf("thread id %d,", p.id)) && strings.Contains(section, "\nLOCK WAIT ") {
			return true
		}
	}
	return p.waitsForTable(t, db)
}

// waitsForTable reports whether the session waits for a whole table, or for its definition.
func (p *player) waitsForTable(t *testing.T, db *mysqldb.DB) (waits bool) {
	t.Helper()
	err := db.GetContext(t.Context(), &waits, `SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST WHERE ID = ? AND STATE LIKE 'Waiting for%lock'`, p.id)
	if err != nil && mysqldb.Number(err) != 3854 { // MySQL also shows a statement that has just ended
		t.Fatal(err)
	}
	return waits
}

// TestTriggersMakeNobodyWait plays the same scenes in two schemas, one of them captured, and
// compares who waits for whom and all answers.
func TestTriggersMakeNobodyWait(t *testing.T) {
	t.Parallel()
	scenes := maps.Clone(scenes)
	scenes[nearer+", at READ COMMITTED"] = slices.Concat([]string{`A: SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`}, scenes[nearer])
	alone, captured := shops(t)
	for name, scene := range scenes {
		restock(t, alone)
		restock(t, captured)
		want, got := play(t, alone, scene), play(t, captured, scene)
		for i, line := range got {
			got[i] = strings.ReplaceAll(line, captured.Name, alone.Name)
		}
		differs := name == nearer && testkit.Shared(t).Flavour == testkit.FlavourMariaDB
		if slices.Equal(got, want) == differs {
			t.Errorf("%s: got\n%s\nwithout triggers\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestLockTablesBehavesAsDocumented: the server locks table_changes together with a table that
// somebody locks for writing. MySQL then makes the writers of all synced tables wait, and MariaDB
// lets nobody write the locked one once the node has read table_changes.
func TestLockTablesBehavesAsDocumented(t *testing.T) {
	t.Parallel()
	_, captured := shops(t)
	restock(t, captured)
	testkit.Eventually(t, "an empty table_changes", func() error {
		if got := changed(t, captured); len(got) > 0 {
			return fmt.Errorf("it holds %q", got)
		}
		return nil
	})
	want := []string{
		`A: LOCK TABLES b WRITE -> 0 rows, id 0`, `A: INSERT INTO b VALUES (3, 'three', 3) -> 1 rows, id 0`, `B: INSERT INTO a (code) VALUES ('q') -> waits`,
		`A: UNLOCK TABLES -> 0 rows, id 0`, `B. -> 1 rows, id 4`,
	}
	if testkit.Shared(t).Flavour == testkit.FlavourMariaDB {
		want[1] = `A: INSERT INTO b VALUES (3, 'three', 3) -> Error 1442 (HY000): Can't update table 'table_changes' in stored function/trigger ` +
			`because it is already used by statement which invoked this stored function/trigger`
		want[2], want[4] = `B: INSERT INTO a (code) VALUES ('q') -> 1 rows, id 4`, `B. -> nothing`
	}
	scene := make([]string, len(want))
	for i, line := range want {
		scene[i], _, _ = strings.Cut(line, " -> ")
	}
	if got := play(t, captured, scene); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nlimits.md says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
