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

// TestAKeyOfTheFormerTypeRefusesOnlyItself renders a row, and one that was deleted before its table's key got a type that
// has no such value: the servers refuse to compare the two.
func TestAKeyOfTheFormerTypeRefusesOnlyItself(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE words (id VARBINARY(20) PRIMARY KEY, text VARCHAR(20))", "INSERT INTO words VALUES ('ab', 'one')")
	n := &render.Renderer{Log: zap.NewNop(), Client: "hub", DB: db, Tables: schema.NewTables(db), Transformers: transform.New(zap.NewNop(), nil, nil, transform.Config{}), Source: writes{}}
	if _, err := n.Tables.Table(t.Context(), "words"); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, db, "ALTER TABLE words MODIFY id VARCHAR(20)")
	items := []outbox.Item{{Row: change.Row{Table: "words", Key: "a\xffb"}}, {Row: change.Row{Table: "words", Key: "ab"}}}
	d, err := n.Render(t.Context(), render.Target{Remote: "store-1"}, items)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range d.Outgoing {
		if o.Sent.Key == "ab" && !o.Deleted() {
			return
		}
	}
	t.Errorf("the row is not sent: %+v", d)
}
