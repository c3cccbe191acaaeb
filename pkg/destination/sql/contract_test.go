package sql_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/destination/sql"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestR04TablesKeepTheContract(t *testing.T) {
	t.Parallel()
	for kind, config := range configs {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			contract.Run(t, func(tb testkit.TB) *contract.World {
				c := config(t)
				run(t, c, "CREATE TABLE g (id INT PRIMARY KEY, v INT NOT NULL UNIQUE)")
				return &contract.World{
					Open: func(tb testkit.TB, r remote.Config) job.Destination { return opened(tb, c, r) },
					Has: func(testkit.TB) []string {
						return strings.FieldsFunc(rows(t, c, "g"), func(r rune) bool { return r == '\n' })
					},
					Bad: `{"id":4,"v":10001}`, // as row 1
				}
			})
		})
	}
}

// opened is the table as a fresh process has it.
func opened(tb testkit.TB, c sqldb.Config, r remote.Config) job.Destination {
	tb.Helper()
	d, err := sql.Open(c)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
	table.Dry = r.Dry
	return table
}
