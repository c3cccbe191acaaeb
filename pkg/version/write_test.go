package version_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Only a COMMIT that was sent, and whose answer was lost, must be waited for.
func TestOnlyALostAnswerToACommitIsWaitedFor(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	for name, c := range map[string]struct {
		f      func(mysqldb.Tx) error
		fences int
	}{
		"a commit":                        {func(mysqldb.Tx) error { return nil }, 0},
		"an error of the program's own":   {func(mysqldb.Tx) error { return errors.New("no") }, 0},
		"a panic":                         {func(mysqldb.Tx) error { panic("no") }, 0},
		"an error of the server":          {func(tx mysqldb.Tx) error { _, err := tx.ExecContext(t.Context(), "SELECT nothing"); return err }, 0},
		"a connection lost before":        {func(tx mysqldb.Tx) error { kill(t, tx); _, err := tx.ExecContext(t.Context(), "DO 1"); return err }, 0},
		"a connection lost at the commit": {func(tx mysqldb.Tx) error { kill(t, tx); return nil }, 1},
	} {
		fences := 0
		s := version.New(0, time.Now(), &latch.Rows{}, func(context.Context) error { fences++; return nil })
		err := s.Write(t.Context(), db, []change.Row{{Table: "t", Key: "1"}}, func(tx mysqldb.Tx, w *version.Writing) error {
			w.Positions(1)
			return c.f(tx)
		})
		if name != "a commit" && err == nil {
			t.Errorf("%s: it was committed", name)
		}
		upTo, err := s.Visible(t.Context())
		if err != nil || fences != c.fences || upTo != s.Token(1)-1 {
			t.Errorf("%s: %d fences, want %d; visible up to %d, %v", name, fences, c.fences, upTo, err)
		}
	}
}

// kill ends a transaction's connection.
func kill(t *testing.T, tx mysqldb.Tx) {
	t.Helper()
	_, _ = tx.ExecContext(t.Context(), "KILL CONNECTION_ID()") // the answer is that the connection was killed
}
