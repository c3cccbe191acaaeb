package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// sync_status is the same whether a few rows are written with all their values, or the server makes many from their ids.
func TestManyRowsAreShownLikeFew(t *testing.T) {
	t.Parallel()
	ids := []string{"1", "22", "", " ", "a ", "it's", `back\slash`, "?", "NULL", "100%", "A", "a", "ä", "🙂", "k.n", "0x00", "line\nbreak", "nul\x00",
		strings.Repeat("x", 255), strings.Repeat("ä", 127)}
	for name, more := range map[string][]string{"ids that fit": nil, "and one that is too long": {strings.Repeat("y", 300)}} {
		for _, table := range []string{"orders", `o'r\ders`} {
			t.Run(name+" of "+table, func(t *testing.T) {
				t.Parallel()
				db := testkit.OwnSchema(t)
				o := begin(t, db)
				var rows []change.Row
				for _, id := range slices.Concat(ids, more) {
					rows = append(rows, change.Row{Table: table, Key: id})
				}
				statuses := func(remote string) (list []string) {
					t.Helper()
					err := db.SelectContext(t.Context(), &list, `SELECT CONCAT_WS('|', HEX(table_name), HEX(primary_key), status, COALESCE(message, 'NULL'),
						ABS(TIMESTAMPDIFF(SECOND, date, UTC_TIMESTAMP())) < 60) FROM sync_status WHERE remote = ? ORDER BY 1`, remote)
					if err != nil {
						t.Fatal(err)
					}
					return list
				}
				mark(t, db, o, []string{"many"}, rows...)
				for _, r := range rows {
					mark(t, db, o, []string{"few"}, r)
				}
				for _, status := range []string{"pending", "successful"} {
					many, few := statuses("many"), statuses("few")
					if !slices.Equal(many, few) || len(many) != len(rows) || !strings.Contains(fmt.Sprint(many), "|"+status+"|NULL|1") {
						t.Fatalf("many rows are shown as\n%s\nand few as\n%s", strings.Join(many, "\n"), strings.Join(few, "\n"))
					}
					done(t, o, "many", next(t, o, "many")...)
					for _, i := range next(t, o, "few") {
						done(t, o, "few", i)
					}
				}
				for _, r := range rows {
					if len(r.Key) > 255 {
						continue
					}
					var n int
					err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM sync_status WHERE id = ?`, outbox.StatusID(table, r.Key, "many"))
					if err != nil || n != 1 {
						t.Errorf("row %q has %d lines, %v", r.Key, n, err)
					}
				}
			})
		}
	}
}
