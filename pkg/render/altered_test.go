package render_test

import (
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// TestAKeyOfTheFormerTypeRefusesOnlyItself renders rows, and one that was deleted before its table's key got a type that
// has no such value: servers refuse to compare the two.
func TestAKeyOfTheFormerTypeRefusesOnlyItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ key, now, gone string }{
		"no UTF-8":         {"VARBINARY(20)", "VARCHAR(20) CHARACTER SET utf8mb4", "a\xffb"},
		"no date":          {"VARCHAR(20)", "DATE", "never"},
		"other characters": {"VARCHAR(20) CHARACTER SET utf8mb4", "VARCHAR(20) CHARACTER SET latin1", "😀"},
		"wider characters": {"VARCHAR(20) CHARACTER SET utf8mb4", "CHAR(20) CHARACTER SET ucs2", "😀"},
	} {
		for _, second := range []string{"", ", n INT"} {
			key, suffix, values := "id", "", "('2026-01-01', 'x'), ('2026-01-02', 'x'), ('2026-01-03', 'x')"
			if second != "" {
				key, suffix, values = "id, n", ",1", "('2026-01-01', 1, 'x'), ('2026-01-02', 1, 'x'), ('2026-01-03', 1, 'x')"
			}
			db := testkit.OwnSchema(t, "CREATE TABLE days (id "+c.key+second+", text VARCHAR(20), PRIMARY KEY ("+key+"))", "INSERT INTO days VALUES "+values)
			n := &render.Renderer{Log: zap.NewNop(), Client: "hub", DB: db, Tables: schema.NewTables(db), Transformers: transform.New(zap.NewNop(), nil, nil, transform.Config{}), Source: writes{}}
			if _, err := n.Tables.Table(t.Context(), "days"); err != nil {
				t.Fatal(err)
			}
			testkit.Exec(t, db, "ALTER TABLE days MODIFY id "+c.now)
			var items []outbox.Item
			for _, key := range []string{"2026-01-01", c.gone, "2026-01-02", "2026-01-03"} {
				items = append(items, outbox.Item{Row: change.Row{Table: "days", Key: key + suffix}})
			}
			d, err := n.Render(t.Context(), render.Target{Remote: "store-1"}, items)
			if err != nil {
				t.Fatal(err)
			}
			sent := 0
			for _, o := range d.Outgoing {
				if !o.Deleted() {
					sent++
				}
			}
			if sent != 3 || len(d.Outgoing)+len(d.Refused) > 4 {
				t.Errorf("%s%s: %d rows are sent: %+v", name, second, sent, d.Refused)
			}
		}
	}
}
