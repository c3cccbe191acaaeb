package version_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestTheAftermathOfACommitPrecedesOthersDecisions: transactions register what must follow them, and end in every way.
func TestTheAftermathOfACommitPrecedesOthersDecisions(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	row := []change.Row{{Table: "orders", Key: "1"}}
	over, end := context.WithCancel(t.Context())
	end() // with an ended context, a latch is taken only if it is free at once
	for name, c := range map[string]struct {
		ends []error // per run of the transaction
		want []string
	}{
		"a commit":                  {[]error{nil}, []string{"run 1"}},
		"an error":                  {[]error{errors.New("no")}, nil},
		"nothing to write":          {[]error{fmt.Errorf("no: %w", version.ErrNothing)}, nil},
		"a commit after a deadlock": {[]error{&mysql.MySQLError{Number: 1213}, nil}, []string{"run 2"}},
	} {
		var got []string
		run := 0
		err := stream.Write(t.Context(), db, row, func(_ mysqldb.Tx, w *version.Writing) error {
			run++
			this := fmt.Sprint("run ", run)
			w.After(func() {
				got = append(got, this)
				if _, err := stream.Latch(over, row); err == nil {
					t.Errorf("%s: others decide before it has ended", name)
				}
			})
			return c.ends[run-1]
		})
		if last := c.ends[len(c.ends)-1]; !errors.Is(err, last) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, and %q followed, want %v and %q", name, err, got, last, c.want)
		}
		unlatch, err := stream.Latch(over, row)
		if err != nil {
			t.Fatalf("%s: the row stays latched", name)
		}
		unlatch()
	}
}
