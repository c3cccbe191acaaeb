package transformers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

var tables = []string{"product_items", "parts", "orders", "customers", "measurements", "prices"}

// load loads all examples; service may be nil for those that do not use it.
func load(t *testing.T, log *zap.Logger, q transform.Querier, p transform.Publisher) *transform.Transformers {
	t.Helper()
	tr := transform.New(log, q, p, transform.Config{Directory: "."})
	if err := tr.Load(tables); err != nil {
		t.Fatal(err)
	}
	return tr
}

// row returns an entity from alternating names and values.
func row(columns ...any) value.Entity {
	var e value.Entity
	for pair := range slices.Chunk(columns, 2) {
		e = append(e, value.Field{Name: pair[0].(string), Value: pair[1]})
	}
	return e
}

func want(t *testing.T, got value.Entity, err error, expected value.Entity) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, expected) {
		t.Fatalf("got %v and error %v, want %v", got, err, expected)
	}
}

func TestEveryExampleBelongsToATable(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	tr := load(t, zap.New(core), nil, nil)
	for _, table := range tables {
		if !tr.Has(table) {
			t.Errorf("%s has no example", table)
		}
	}
	if logs.Len() > 0 {
		t.Error(logs.All())
	}
}

// database is a Querier on a real server.
type database struct{ *sqlx.DB }

func (d database) Query(ctx context.Context, _, sql string) ([]value.Entity, error) {
	rows, err := d.QueryxContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var entities []value.Entity
	for rows.Next() {
		cells, err := rows.SliceScan()
		if err != nil {
			return nil, err
		}
		var e value.Entity
		for i, cell := range cells {
			e = append(e, value.Field{Name: names[i], Value: string(cell.([]byte))})
		}
		entities = append(entities, e)
	}
	return entities, rows.Err()
}

func TestProductItemsMapsIds(t *testing.T) {
	server := testkit.Shared(t)
	db := server.Open(t, server.Create(t))
	db.MustExec("CREATE TABLE id_mapping (remote_id VARCHAR(64) PRIMARY KEY, local_id VARCHAR(64) NOT NULL)")
	const remote = `it's a "key" \ ? 日本`
	db.MustExec("INSERT INTO id_mapping VALUES (?, ?)", remote, "local-1")
	tr := load(t, zaptest.NewLogger(t), database{db}, nil)

	call := transform.Call{Table: "product_items", ID: remote, Entity: row("id", remote, "name", "Bolt")}
	got, err := tr.Apply(t.Context(), call)
	want(t, got, err, row("id", "local-1", "name", "Bolt"))
	if id, drop, err := tr.ApplyDelete(t.Context(), call); id != "local-1" || drop || err != nil {
		t.Fatal(id, drop, err)
	}
	call.ID, call.Entity = "unknown", row("id", "unknown")
	got, err = tr.Apply(t.Context(), call)
	want(t, got, err, row("id", "unknown"))
}

func TestPartsAreMappedBothWays(t *testing.T) {
	server := testkit.Shared(t)
	db := server.Open(t, server.Create(t))
	db.MustExec(`CREATE TABLE id_mapping (
		remote VARCHAR(32) NOT NULL, remote_id VARCHAR(64) NOT NULL, local_id VARCHAR(64) NOT NULL,
		PRIMARY KEY (remote, remote_id), UNIQUE (remote, local_id))`)
	db.MustExec("INSERT INTO id_mapping VALUES ('boston', 'B-1', '1'), ('paris', 'P-1', '1')")
	tr := load(t, zaptest.NewLogger(t), database{db}, nil)
	for _, c := range []struct{ source, target, in, out string }{
		{"berlin", "boston", "1", "B-1"},
		{"berlin", "paris", "1", "P-1"},
		{"boston", "berlin", "B-1", "1"},
		{"paris", "berlin", "B-1", "B-1"}, // another's id
	} {
		call := transform.Call{Table: "parts", Source: c.source, Target: c.target, ID: c.in, Entity: row("id", c.in, "name", "Bolt")}
		got, err := tr.Apply(t.Context(), call)
		want(t, got, err, row("id", c.out, "name", "Bolt"))
		if id, drop, err := tr.ApplyDelete(t.Context(), call); id != c.out || drop || err != nil {
			t.Errorf("%+v: the delete has ID %q, %v, %v", c, id, drop, err)
		}
	}
}

func TestOrdersGoToTheirBranchAndTheHeadOffice(t *testing.T) {
	tr := load(t, zaptest.NewLogger(t), nil, nil)
	order := row("id", int64(1), "branch", "berlin")
	for _, target := range []string{"berlin", "head-office"} {
		got, err := tr.Apply(t.Context(), transform.Call{Table: "orders", Target: target, Entity: order})
		want(t, got, err, order)
	}
	if _, err := tr.Apply(t.Context(), transform.Call{Table: "orders", Target: "hamburg", Entity: order}); !errors.Is(err, transform.ErrDropped) {
		t.Fatal(err)
	}
}

func TestCustomersAreMasked(t *testing.T) {
	tr := load(t, zaptest.NewLogger(t), nil, nil)
	got, err := tr.Apply(t.Context(), transform.Call{Table: "customers", ID: "7", Entity: row("id", int64(7),
		"name", "Ada", "email", "ada@example.com", "card_number", "4111111111111111", "city", "London")})
	want(t, got, err, row("id", int64(7), "email", "customer-7@example.com", "card_number", "************1111", "city", "London"))
	got, err = tr.Apply(t.Context(), transform.Call{Table: "customers", ID: "8", Entity: row("id", int64(8), "email", nil, "card_number", nil)})
	want(t, got, err, row("id", int64(8), "email", nil, "card_number", nil))
}

func TestMeasurementsAreConverted(t *testing.T) {
	tr := load(t, zaptest.NewLogger(t), nil, nil)
	for _, c := range []struct{ in, out value.Entity }{
		{row("id", int64(1), "temperature", "212.00", "unit", "F"), row("id", int64(1), "temperature", "100.00", "unit", "C")},
		{row("temperature", "21.50", "unit", "C"), row("temperature", "21.50", "unit", "C")},
		{row("temperature", nil, "unit", "F"), row("temperature", nil, "unit", "F")},
	} {
		got, err := tr.Apply(t.Context(), transform.Call{Table: "measurements", Entity: c.in})
		want(t, got, err, c.out)
	}
}

// broker is a Publisher that remembers, or refuses.
type broker struct {
	messages []string
	err      error
}

func (b *broker) Publish(_ context.Context, topic string, message []byte, qos byte, retain bool) error {
	b.messages = append(b.messages, fmt.Sprintf("%s=%s qos %d retain %t", topic, message, qos, retain))
	return b.err
}

func TestPricesArePublished(t *testing.T) {
	b := &broker{}
	tr := load(t, zaptest.NewLogger(t), nil, b)
	call := transform.Call{Table: "prices", ID: "a/b", Entity: row("id", "a/b", "price", "9.99")}
	got, err := tr.Apply(t.Context(), call)
	want(t, got, err, call.Entity)
	if id, drop, err := tr.ApplyDelete(t.Context(), call); id != "a/b" || drop || err != nil {
		t.Fatal(id, drop, err)
	}
	if told := []string{"shop/prices/a%2Fb=9.99 qos 1 retain true", "shop/prices/a%2Fb= qos 1 retain true"}; !slices.Equal(b.messages, told) {
		t.Fatal(b.messages)
	}
}

func TestUnpublishedPricesAreStillReplicated(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	tr := load(t, zap.New(core), nil, &broker{err: errors.New("not connected")})
	call := transform.Call{Table: "prices", ID: "1", Entity: row("price", "9.99")}
	got, err := tr.Apply(t.Context(), call)
	want(t, got, err, call.Entity)
	if all := logs.All(); len(all) != 1 || all[0].ContextMap()["text"] != "could not publish price 1: not connected" {
		t.Fatal(all)
	}
}
