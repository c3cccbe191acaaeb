package mongodb_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/destination/mongodb"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// worlds counts databases of the contract.
var worlds atomic.Int32

func TestR03MongoDBKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(tb testkit.TB) *contract.World {
		ctx := context.Background()
		client, err := mongo.Connect(options.Client().ApplyURI(testkit.MongoDB(tb)))
		if err != nil {
			tb.Fatalf("%v", err)
		}
		docs := client.Database(fmt.Sprint("contract_", worlds.Add(1))).Collection("rows")
		tb.Cleanup(func() {
			_ = docs.Database().Drop(ctx)
			_ = client.Disconnect(ctx)
		})
		unique := mongo.IndexModel{Keys: bson.D{{Key: "v", Value: 1}}, Options: options.Index().SetUnique(true)}
		if _, err := docs.Indexes().CreateOne(ctx, unique); err != nil {
			tb.Fatalf("%v", err)
		}
		return &contract.World{
			Open: func(tb testkit.TB, r remote.Config) job.Destination {
				tb.Helper()
				db, err := mongodb.Open(mongodb.Config{URI: testkit.MongoDB(tb), Database: docs.Database().Name()})
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { _ = db.Close() })
				d, err := db.Collection(mongodb.Leg{Collection: docs.Name()}, []string{"id"})
				if err != nil {
					tb.Fatalf("%v", err)
				}
				d.Dry = r.Dry
				return d
			},
			Has: func(tb testkit.TB) (list []string) {
				tb.Helper()
				found, err := docs.Find(ctx, bson.D{})
				if err != nil {
					tb.Fatalf("%v", err)
				}
				var rows []struct{ ID, V int }
				if err := found.All(ctx, &rows); err != nil {
					tb.Fatalf("%v", err)
				}
				for _, r := range rows {
					list = append(list, fmt.Sprintf(`{"id":%d,"v":%d}`, r.ID, r.V))
				}
				return list
			},
			Bad:  `{"id":4,"v":10001}`, // as row 1
			Most: 100,
		}
	})
}
