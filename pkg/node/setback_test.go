package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// backUp copies the table orders and the node's own, in one consistent state, and returns what restores them. The ids
// of table_changes continue: an application that writes meanwhile brings them further than they ever were.
func (s *site) backUp() (restore func()) {
	s.t.Helper()
	var names []string
	if err := s.DB.Select(&names, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'backup%'`); err != nil {
		s.t.Fatal(err)
	}
	for _, n := range names {
		s.Exec(fmt.Sprintf("DROP TABLE IF EXISTS `backup_%s`", n), fmt.Sprintf("CREATE TABLE `backup_%s` AS SELECT * FROM `%s`", n, n))
	}
	return func() {
		s.t.Helper()
		for _, n := range names {
			s.behindIn(n, fmt.Sprintf("DELETE FROM `%s`", n), fmt.Sprintf("INSERT INTO `%s` SELECT * FROM `backup_%s`", n, n))
		}
	}
}

// setBack waits until the node says that its database was set back, or no longer says so.
func (s *site) setBack(want bool) {
	s.t.Helper()
	s.state(fmt.Sprintf("set back: %v", want), func(x *status.State) error {
		told := slices.ContainsFunc(x.Problems, func(p string) bool { return strings.Contains(p, "restored from a backup") })
		if told != want || (x.SetBack != nil) != want {
			return fmt.Errorf("since %v; the problems are %q", x.SetBack, x.Problems)
		}
		return nil
	})
}

// TestARestoredBackupIsNoticedWhateverWasWritten by the application before the node starts. It is a problem, even after
// restarts, until everything was found equal.
func TestARestoredBackupIsNoticedWhateverWasWritten(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'in the backup', 1), (2, 'too', 2)`)
	settle(t, []*site{a, c})
	restore := a.backUp()
	a.Exec(`UPDATE orders SET name = 'lost' WHERE id = 1`)
	settle(t, []*site{a, c})
	a.Node.Kill()
	restore()
	for i := range 20 {
		a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'written before the node starts', 1)`, 100+i))
	}
	a.start().Node.WaitLog("restored from a backup")
	a.setBack(true)
	if said := a.Run(0, "status"); !strings.Contains(said, "restored from a backup") {
		t.Errorf("status printed\n%s", said)
	}
	a.Node.Stop()
	if out := a.Run(1, "status"); !strings.Contains(out, "restored from a backup") {
		t.Errorf("status of a stopped node printed\n%s", out)
	}
	a.start()
	a.setBack(true)
	c.Expect(`SELECT COUNT(*) FROM orders`, `22`)
	a.Exec(`UPDATE orders SET amount = 7 WHERE id = 1`) // it has not seen the lost write
	c.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE loser_row LIKE '%lost%'`, `1`)
	settle(t, []*site{a, c})
	if code, said := a.verify(); code != 0 {
		t.Errorf("verify printed\n%s", said)
	}
	a.setBack(false)
	a.Node.Stop()
	a.start()
	a.setBack(false)
	if a.lines("restored from a backup") > 0 {
		t.Error("it is noticed twice")
	}

	// Losing only received rows is noticed too. The node marks its database every second.
	const mark = `SELECT value FROM sync_node WHERE name = 'position'`
	restore = a.backUp()
	before, err := a.Rows(mark)
	if err != nil {
		t.Fatal(err)
	}
	c.Exec(`INSERT INTO orders VALUES (3, 'received, and lost', 3)`)
	a.Expect(`SELECT COUNT(*) FROM orders WHERE id = 3`, `1`)
	testkit.Eventually(t, "another mark", func() error {
		now, err := a.Rows(mark)
		if err == nil && now == before {
			err = errors.New("it is the one before")
		}
		return err
	})
	a.Node.Stop()
	restore()
	a.start().Node.WaitLog("restored from a backup")
	testkit.Eventually(t, "a comparison", func() error { // the remote may not have been heard of yet
		code, said := a.verify("--repair")
		if strings.Contains(said, "is offline") {
			return errors.New(said)
		}
		if code == 0 {
			t.Errorf("verify printed\n%s", said)
		}
		return nil
	})
	a.Expect(`SELECT COUNT(*) FROM orders WHERE id = 3`, `1`)
	a.setBack(true) // the comparison found a difference
	settle(t, []*site{a, c})
	if code, said := a.verify(); code != 0 {
		t.Errorf("verify printed\n%s", said)
	}
	a.setBack(false)

	// Another database in place of this one, however new.
	a.Node.Kill()
	a.Exec(`UPDATE sync_node SET value = 'SOMEBODYELSES' WHERE name = 'database'`)
	a.start().Node.WaitLog("restored from a backup")
}

// TestAKilledNodeRecognizesItsDatabase, however often it is killed, even in the middle of its work.
func TestAKilledNodeRecognizesItsDatabase(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"orders"}, orders)
	stop := a.load()
	theirs := 0
	for range 6 {
		a.Expect(`SELECT COUNT(*) > 20 FROM sync_versions WHERE time > `+fmt.Sprint(time.Now().UnixMicro()), `1`)
		theirs--
		c.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'theirs', 1)`, theirs))
		a.Node.Kill()
		a.start()
		if a.lines("restored from a backup") > 0 {
			t.Fatal("its database is mistaken for a restored backup")
		}
	}
	n := stop()
	c.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(n-theirs))
	settle(t, []*site{a, c})
	a.Expect(`SELECT COUNT(*) FROM sync_versions WHERE origin LIKE '%~%'`, `0`)
}
