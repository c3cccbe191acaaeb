package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A restart makes no table equal: vanished rows and unseen writes are still reported by later runs, and while no
// node runs, until a comparison has found the table equal with all remotes.
func TestDoubtsOutliveARestart(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	tables := []string{"notes", "orders"}
	a, c := pair(t, b, tables, orders, notes)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`, `INSERT INTO notes VALUES (1, 'one'), (2, 'two')`)
	settled(t, tables, a, c)
	told := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("problems with %q", want), func() error {
			var s status.State
			if err := json.NewDecoder(strings.NewReader(runBinary(t, "status", a.File, "--json").output)).Decode(&s); err != nil {
				return err
			}
			var got []string
			for _, p := range s.Problems {
				if strings.Contains(p, "without firing a trigger") || strings.Contains(p, "may have been missed") {
					got = append(got, p)
				}
			}
			for _, w := range want {
				if !strings.Contains(strings.Join(got, "\n"), w) {
					return fmt.Errorf("reported are %q", got)
				}
			}
			if len(got) != len(want) {
				return errors.New("told are " + strings.Join(got, "\n"))
			}
			return nil
		})
	}
	const vanished, unseen = "Rows of orders vanished without firing a trigger", "Writes to notes may have been missed"
	id := 2
	testkit.Eventually(t, "word of the TRUNCATE", func() error { // it is reported if the node has seen the rows before
		id++
		a.Exec(`TRUNCATE orders`, fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'next', 0)`, id))
		if len(a.warnedOf(unseenDeletes)) == 0 {
			return errors.New("nothing is reported")
		}
		return nil
	})
	told(vanished)
	a.Node.Stop()
	a.Exec(`DROP TRIGGER mysqlSyncUpdate_notes`, `UPDATE notes SET text = 'unseen' WHERE id = 2`)
	a.start()
	told(vanished, unseen)
	a.Node.Stop()
	told(vanished, unseen)
	a.start()
	told(vanished, unseen)
	testkit.Eventually(t, "equal tables", func() error {
		a.verify("--repair")
		a.verify()
		got, err := a.Rows(`SELECT COUNT(*) FROM sync_doubts`)
		if err == nil && got != "0\n" {
			err = fmt.Errorf("%s doubts are left", got)
		}
		return err
	})
	told()
	a.Node.Stop()
	told()
	a.start()
	told()
}
