package daemon_test

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestWaitingRowsAreDueThoughTheClockIsSetBack has a child wait for its parent
// while the sender's clock is set back by an hour: it must not wait that hour.
func TestWaitingRowsAreDueThoughTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	ddl := []string{
		`CREATE TABLE parents (id INT PRIMARY KEY)`,
		`CREATE TABLE children (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parents (id))`,
	}
	one := newSite(t, b, "one", []string{"two"}, []string{"children"}, nil)
	two := newSite(t, b, "two", []string{"one"}, []string{"children"}, nil)
	one.exec(ddl...)
	two.exec(ddl...)
	clock := testkit.NewClock(t)
	one.file = testkit.ConfigFile(t, one.config)
	one.node = clock.Node(one.file)
	one.start()
	two.start()

	// Parents are not synced: those of two come by hand.
	for id, set := range []func(){
		func() { clock.Set(-time.Hour) },
		func() { one.node.Kill(); clock.Set(-2 * time.Hour); one.start() },
	} {
		if _, err := one.db.Exec(`INSERT INTO parents VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		if _, err := one.db.Exec(`INSERT INTO children VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		one.expect(`SELECT COUNT(*) FROM sync_outbox WHERE attempts > 2 AND state = 'waiting'`, `1`)
		set()
		if _, err := two.db.Exec(`INSERT INTO parents VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		one.expect(testkit.Waiting, `0`)
	}
	two.expect(`SELECT id FROM children ORDER BY id`, `0`, `1`)
}
