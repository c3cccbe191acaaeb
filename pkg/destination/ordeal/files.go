package ordeal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func sqlitePlace(tb testkit.TB) *place {
	file := filepath.Join(folder(tb), "shop.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		tb.Fatalf("%v", err)
	}
	dialect, err := sqldb.DialectOf("sqlite")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	db, err := dialect.Open(sqldb.Config{Driver: "sqlite", Database: file}, true)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(context.Background(), create); err != nil {
		tb.Fatalf("%v", err)
	}
	return &place{
		destination: map[string]any{"type": "sqlite", "database": file}, to: table(), leg: "b of there",
		rows: func(tb testkit.TB) []string {
			rows, err := db.QueryContext(context.Background(), read)
			return scanned(tb, rows, err)
		},
	}
}

func mongoPlace(tb testkit.TB) *place {
	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(testkit.MongoDB(tb)))
	if err != nil {
		tb.Fatalf("%v", err)
	}
	name := fmt.Sprint("ordeal_", os.Getpid())
	docs := client.Database(name).Collection("rows")
	tb.Cleanup(func() {
		_ = docs.Database().Drop(ctx)
		_ = client.Disconnect(ctx)
	})
	return &place{
		destination: map[string]any{"type": "mongodb", "uri": testkit.MongoDB(tb), "database": name},
		to:          map[string]any{"collection": "rows", "batch": 20, "concurrency": 2},
		leg:         "rows of there",
		rows: func(tb testkit.TB) (list []string) {
			found, err := docs.Find(ctx, bson.D{})
			if err != nil {
				tb.Fatalf("%v", err)
			}
			var rows []row
			if err := found.All(ctx, &rows); err != nil {
				tb.Fatalf("%v", err)
			}
			for _, r := range rows {
				list = append(list, r.said())
			}
			return list
		},
	}
}

// folder is one that goes with the test.
func folder(tb testkit.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ordeal")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
