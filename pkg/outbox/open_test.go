package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// listed returns what sync_status lists, as "key remote status".
func listed(t *testing.T, db *mysqldb.DB) []string {
	t.Helper()
	list := []string{}
	if err := db.SelectContext(t.Context(), &list, `SELECT CONCAT_WS(' ', primary_key, remote, status) FROM sync_status ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOnlyOpenRowsAreListed(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db).OnlyOpen()
	wants := func(when string, want ...string) {
		t.Helper()
		if got := listed(t, db); !slices.Equal(got, want) {
			t.Errorf("%s: sync_status lists %q, want %q", when, got, want)
		}
	}
	rows := []change.Row{{Table: "t", Key: "1"}, {Table: "t", Key: "2"}, {Table: "u", Key: "3"}}
	mark(t, db, o, []string{"node-b", "node-c"}, rows...)
	wants("marked", "1 node-b pending", "1 node-c pending", "2 node-b pending", "2 node-c pending", "3 node-b pending", "3 node-c pending")
	items := next(t, o, "node-b")
	done(t, o, "node-b", items[0], items[2])
	if err := o.Fail(t.Context(), "node-b", []outbox.Failure{{Item: items[1], Message: "no"}}); err != nil {
		t.Fatal(err)
	}
	wants("one refused", "1 node-c pending", "2 node-b error", "2 node-c pending", "3 node-c pending")
	done(t, o, "node-b", items[1])
	done(t, o, "node-c", next(t, o, "node-c")...)
	wants("all acked")

	waiting := version.Waiting{Row: change.Row{Table: "t", Key: "9"}}
	if err := o.Register(t.Context(), []string{"node-b"}); err != nil {
		t.Fatal(err)
	}
	if err := o.ShowPending(t.Context(), "node-b", []version.Waiting{waiting}, outbox.Place{}); err != nil {
		t.Fatal(err)
	}
	wants("shown", "9 node-b pending")
	if err := o.Overtaken(t.Context(), "node-b", []change.Row{waiting.Row}); err != nil {
		t.Fatal(err)
	}
	wants("overtaken")
}

func TestSuccessfulRowsGoWhenOnlyOpenOnesAreListed(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	var values []string
	for i := range 12_000 {
		status := "successful"
		if i%4000 == 0 {
			status = "error"
		} else if i == 7777 {
			status = "pending"
		}
		values = append(values, fmt.Sprintf(`('%032x', 't', '%[1]d', 'b', NOW(), '%s')`, i, status))
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO sync_status (id, table_name, primary_key, remote, date, status) VALUES `+strings.Join(values, ",")); err != nil {
		t.Fatal(err)
	}
	if err := o.Tidy(t.Context(), zap.NewNop(), nil); err != nil || len(listed(t, db)) != 12_000 {
		t.Fatalf("a node that lists all rows has %d after it, %v", len(listed(t, db)), err)
	}
	if err := o.OnlyOpen().Tidy(t.Context(), zap.NewNop(), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := listed(t, db), []string{"0 b error", "4000 b error", "7777 b pending", "8000 b error"}; !slices.Equal(got, want) {
		t.Errorf("sync_status lists %q, want %q", got, want)
	}
}
