package mongodb_test

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mysql-sync/mysql-sync/pkg/destination/mongodb"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// collection is a new collection, as the tests see it.
func collection(t *testing.T) *mongo.Collection {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(testkit.MongoDB(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := client.Database(strings.ReplaceAll(t.Name(), "/", "_")).Collection("sales")
	t.Cleanup(func() {
		_ = c.Database().Drop(t.Context())
		_ = client.Disconnect(t.Context())
	})
	return c
}

// target is the collection as a job uses it.
func target(t *testing.T, c *mongo.Collection, leg mongodb.Leg, key ...string) *mongodb.Destination {
	t.Helper()
	db, err := mongodb.Open(mongodb.Config{URI: testkit.MongoDB(t), Database: c.Database().Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	leg.Collection = c.Name()
	d, err := db.Collection(leg, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(key, data string) job.Operation {
	return job.Operation{Kind: job.Insert, Key: key, Data: []byte(data), Event: "event-" + key}
}

func send(t *testing.T, d *mongodb.Destination, operations ...job.Operation) []job.Answer {
	t.Helper()
	answers, err := d.Send(t.Context(), &job.Batch{Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// has returns a collection as extended JSON, in order of _id.
func has(t *testing.T, c *mongo.Collection) string {
	t.Helper()
	found, err := c.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.D
	if err := found.All(t.Context(), &docs); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, doc := range docs {
		slices.SortFunc(doc, func(a, b bson.E) int { return cmp.Compare(a.Key, b.Key) }) // FerretDB has its own order
		text, err := bson.MarshalExtJSON(doc, false, false)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	return strings.Join(list, " ")
}

func TestR03DocumentsAreReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leg         mongodb.Leg
		key         []string
		first, then string
	}{
		"by the key":     {mongodb.Leg{}, []string{"sku"}, `{"_id":1,"n":"a","sku":1} {"_id":2,"n":"b","sku":2}`, `{"_id":2,"sku":2}`},
		"of two columns": {mongodb.Leg{}, []string{"n", "sku"}, `{"_id":{"n":"a","sku":1},"n":"a","sku":1} {"_id":{"n":"b","sku":2},"n":"b","sku":2}`, ""},
		"merged":         {mongodb.Leg{Merge: true}, []string{"sku"}, `{"_id":1,"n":"a","sku":1} {"_id":2,"n":"b","sku":2}`, `{"_id":2,"n":"b","sku":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := collection(t)
			d := target(t, docs, c.leg, c.key...)
			ids := send(t, d, put("1", `{"sku":1,"n":"a"}`), put("2", `{"sku":2,"n":"b"}`))
			if got := has(t, docs); got != c.first {
				t.Errorf("got %s, want %s", got, c.first)
			}
			second := put("2", `{"sku":2}`)
			if len(c.key) == 2 {
				second = job.Operation{Kind: job.Delete, Key: "b,2", ID: ids[1].ID}
			}
			send(t, d, second, job.Operation{Kind: job.Delete, Key: "1", ID: ids[0].ID}, job.Operation{Kind: job.Delete, Key: "9"})
			if got := has(t, docs); got != c.then {
				t.Errorf("then got %s, want %s", got, c.then)
			}
		})
	}
}

func TestR03MongoDBGivesTheID(t *testing.T) {
	t.Parallel()
	docs := collection(t)
	d := target(t, docs, mongodb.Leg{ID: "own"}, "sku")
	ids := send(t, d, put("x", `{"sku":"x","n":1}`), put("y", `{"sku":"y","n":1}`))
	send(t, d, put("x", `{"sku":"x","n":2}`), job.Operation{Kind: job.Delete, Key: "y", ID: ids[1].ID})
	var doc struct {
		ID bson.ObjectID `bson:"_id"`
		N  int           `bson:"n"`
	}
	if err := docs.FindOne(t.Context(), bson.D{}).Decode(&doc); err != nil || doc.N != 2 || doc.ID.IsZero() {
		t.Errorf("%+v, %v", doc, err)
	}
	if n, err := docs.CountDocuments(t.Context(), bson.D{}); err != nil || n != 1 {
		t.Errorf("%d documents, %v", n, err)
	}
}

func TestR03AppendedDocumentsAreAddedOnce(t *testing.T) {
	t.Parallel()
	docs := collection(t)
	d := target(t, docs, mongodb.Leg{})
	for range 2 { // as after a lost answer
		send(t, d, put("", `{"n":1}`))
	}
	if got := has(t, docs); got != `{"_id":"event-","n":1}` {
		t.Errorf("it has %s", got)
	}
}

func TestR03ValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	docs := collection(t)
	d := target(t, docs, mongodb.Leg{Dates: []string{"d", "day"}}, "k")
	send(t, d, put("k", `{"k":"k","i":9007199254740991,"f":1.5,"t":"1.50","b":{"type":"Buffer","data":[0,255]},"o":{"l":[1,null,true]},"d":"2026-11-27T08:00:00.123Z","day":"2026-11-27","z":null}`))
	want := `{"_id":"k","b":{"$binary":{"base64":"AP8=","subType":"00"}},"d":{"$date":"2026-11-27T08:00:00.123Z"},"day":{"$date":"2026-11-27T00:00:00Z"},"f":1.5,"i":9007199254740991,"k":"k","o":{"l":[1,null,true]},"t":"1.50","z":null}`
	if got := has(t, docs); got != want {
		t.Errorf("it has\n%s\nwant\n%s", got, want)
	}
}

func TestR03RowsThatCannotBeDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	docs := collection(t)
	d := target(t, docs, mongodb.Leg{Dates: []string{"d"}}, "k")
	list := []job.Operation{
		put("1", `{"k":1,"a.b":1}`), put("2", `{"k":2,"$set":1}`), put("3", `{"k":3,"":1}`), put("4", `{"k":4,"d":"soon"}`), put("5", `{"x":1}`), put("6", `{"k":6,"_id":1}`), put("7", `{"k":7}`),
	}
	for i, a := range send(t, d, list...) {
		if (a.Refused == "") != (i == 6) {
			t.Errorf("%s: %q", list[i].Data, a.Refused)
		}
	}
	if got := has(t, docs); got != `{"_id":7,"k":7}` {
		t.Errorf("it has %s", got)
	}
}

func TestR03AMissingServer(t *testing.T) {
	t.Parallel()
	db, err := mongodb.Open(mongodb.Config{URI: "mongodb://ann:s3cret@127.0.0.1:1/?serverSelectionTimeoutMS=200", Database: "x"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Collection(mongodb.Leg{Collection: "c"}, []string{"k"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Send(t.Context(), &job.Batch{Operations: []job.Operation{put("1", `{"k":1}`)}})
	if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Retry || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestR03DatabaseProblems(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"":                     "uri: expected a connection string",
		"https://ann:s3cret@h": "uri: expected a connection string",
		"mongodb://ann:s3cret@h/?tls=true&tlsInsecure=true": "uri: turns off",
		"mongodb://ann:s3cret@h/?w=0":                       "uri: has w=0",
	} {
		if _, err := mongodb.Open(mongodb.Config{URI: uri}); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", uri, err)
		}
	}
	db, err := mongodb.Open(mongodb.Config{URI: "mongodb://h"})
	if err != nil {
		t.Fatal(err)
	}
	for want, leg := range map[string]mongodb.Leg{"id: ": {ID: "own"}, "merge: ": {Merge: true}} {
		if _, err := db.Collection(leg, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v", leg, err)
		}
	}
}
