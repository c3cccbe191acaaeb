package schema_test

import (
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestATableWithoutAServerCanBeDefined(t *testing.T) {
	t.Parallel()
	table := schema.Define("orders", value.Column{Name: "id", Kind: value.Integer}, value.Column{Name: "text", Kind: value.Text})
	if c, ok := table.Column("text"); !ok || c.Kind != value.Text || table.Index("text") != 1 || table.Index("other") >= 0 {
		t.Errorf("got column %+v", c)
	}
	if !slices.Equal(table.KeyNames(), []string{"id"}) || !slices.Equal(table.Names(), []string{"id", "text"}) {
		t.Errorf("got key %v of %v", table.KeyNames(), table.Names())
	}
}
