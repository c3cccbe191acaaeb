package connector_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap/zaptest"
	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// block is a part of a configuration.
type block = map[string]any

// shop is a database of orders, and its block in a configuration.
func shop(t *testing.T) (*mysqldb.DB, block) {
	t.Helper()
	db := testkit.Schema(t, `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(40), amount INT)`)
	source := block{"type": "mysql"}
	maps.Copy(source, testkit.Shared(t).Keys(db.Name))
	return db, source
}

// runs runs the jobs of a configuration once, with a state file.
func runs(t *testing.T, state string, configuration block) error {
	t.Helper()
	return runsIn(t, t.Context(), state, configuration, nil)
}

// runsIn is runs until a context ends, or a dry run if told is not nil.
func runsIn(t *testing.T, ctx context.Context, state string, configuration block, dry func(remote.Sent)) error { //nolint:revive // t first, as everywhere
	t.Helper()
	text, err := yaml.Marshal(configuration)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Read(file, nil, connector.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	c, err := connector.New(p, connector.Options{Log: zaptest.NewLogger(t), State: state, Once: true, Pause: 1, Test: dry != nil, Sent: dry})
	if err != nil {
		t.Fatal(err)
	}
	return c.Run(ctx)
}

func TestR02ATableGoesToAirtable(t *testing.T) {
	t.Parallel()
	db, source := shop(t)
	service := standin.NewAirtable("pat-1", "appX")
	t.Cleanup(service.Close)
	service.Table("Orders", map[string]string{"id": standin.AirtableNumber, "name": standin.AirtableText, "amount": standin.AirtableNumber})
	state := filepath.Join(t.TempDir(), "connector.db")
	for _, readBack := range []bool{false, true} {
		c := block{
			"sources":      block{"shop": source},
			"destinations": block{"sheets": block{"type": "airtable", "token": "pat-1", "base": "appX", "baseURL": service.URL}},
			"jobs": block{"orders": block{
				"from": block{"source": "shop", "table": "orders", "key": "id"},
				"to":   block{"destination": "sheets", "table": "Orders", "mode": "replace", "readBack": readBack},
			}},
		}
		sent := func() int {
			before := len(service.Requests())
			if err := runs(t, state, c); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, r := range service.Requests()[before:] {
				if r.Method != "GET" {
					n++
				}
			}
			return n
		}
		testkit.Exec(t, db, `DELETE FROM orders`, `INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', NULL)`)
		if n := sent(); n != 1 && !readBack || len(service.Records("Orders")) != 3 {
			t.Errorf("%d requests, %v", n, service.Records("Orders"))
		}
		testkit.Exec(t, db, `DELETE FROM orders WHERE id = 1`, `UPDATE orders SET amount = 9 WHERE id = 3`)
		if n := sent(); n != 2 || !strings.Contains(fmt.Sprint(service.Records("Orders")), "map[amount:9 id:3 name:c]") || len(service.Records("Orders")) != 2 {
			t.Errorf("%d requests, %v", n, service.Records("Orders"))
		}
		if n := sent(); n != 0 {
			t.Errorf("%d requests although nothing has changed", n)
		}
		service.Remove("Orders", service.Records("Orders")[0].ID)
		if n := sent(); readBack != (n == 1) || readBack != (len(service.Records("Orders")) == 2) {
			t.Errorf("after someone deleted a record: %d requests, %v", n, service.Records("Orders"))
		}
	}
}

func TestR03ATableGoesToMongoDB(t *testing.T) {
	t.Parallel()
	db, source := shop(t)
	testkit.Exec(t, db, `INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', NULL)`)
	client, err := mongo.Connect(options.Client().ApplyURI(testkit.MongoDB(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	docs := client.Database("lake").Collection("orders")
	c := block{
		"sources":      block{"shop": source},
		"destinations": block{"lake": block{"type": "mongodb", "uri": testkit.MongoDB(t), "database": "lake"}},
		"jobs": block{"orders": block{
			"from": block{"source": "shop", "table": "orders", "key": "id"},
			"to":   block{"destination": "lake", "collection": "orders", "mode": "replace"},
		}},
	}
	state := filepath.Join(t.TempDir(), "connector.db")
	for _, want := range []int64{3, 2} {
		if err := runs(t, state, c); err != nil {
			t.Fatal(err)
		}
		if n, err := docs.CountDocuments(t.Context(), bson.D{}); err != nil || n != want {
			t.Errorf("got %d documents, want %d, %v", n, want, err)
		}
		testkit.Exec(t, db, `DELETE FROM orders WHERE id = 2`)
	}
}
