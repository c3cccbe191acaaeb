package capture_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// memory is a feed that keeps pending entries in memory.
type memory struct {
	waits []capture.Entry
	taken func() // called before a batch is consumed
}

func (m *memory) Next(context.Context) (capture.Batch, error) {
	if len(m.waits) == 0 {
		return nil, nil
	}
	return &remembered{m, slices.Clone(m.waits)}, nil
}

// consume removes entries.
func (m *memory) consume(list []capture.Entry) {
	m.waits = slices.DeleteFunc(m.waits, func(e capture.Entry) bool {
		return slices.ContainsFunc(list, func(o capture.Entry) bool { return o.ID == e.ID })
	})
}

type remembered struct {
	m    *memory
	list []capture.Entry
}

func (r *remembered) Entries() []capture.Entry { return r.list }

func (r *remembered) Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, then ...mysqldb.Query) error {
	if r.m.taken != nil {
		r.m.taken()
	}
	for _, e := range r.list {
		if !slices.ContainsFunc(r.m.waits, func(o capture.Entry) bool { return o.ID == e.ID }) {
			return capture.ErrConsumed
		}
	}
	for _, q := range then {
		if err := q.Query(ctx, tx, q.Scan); err != nil {
			return err
		}
	}
	w.After(func() { r.m.consume(r.list) })
	return nil
}

// TestWritesAreConsumedAsTheyAreRecorded has a source that knows nothing about the database:
// recorded writes are consumed, rolled-back ones are not, and those that apply consumed meanwhile
// are not recorded.
func TestWritesAreConsumedAsTheyAreRecorded(t *testing.T) {
	t.Parallel()
	a := capture.Entry{ID: 1, Row: change.Row{Table: "orders", Key: "a"}, Written: 1000}
	b := capture.Entry{ID: 2, Row: change.Row{Table: "orders", Key: "b"}, Written: 2000}
	other := capture.Entry{ID: 3, Row: change.Row{Table: "others", Key: "c"}, Written: 3000}
	full := errors.New("the disk is full")
	for name, c := range map[string]struct {
		taken   []capture.Entry // by apply
		ends    error           // of the transaction
		waiting int             // pending after the first round
		want    []string        // recorded after two
	}{
		"recorded":            {want: []string{"orders a 1000", "orders b 2000"}},
		"rolled back":         {ends: full, waiting: 3, want: []string{"orders a 1000", "orders b 2000"}},
		"consumed by another": {taken: []capture.Entry{a}, waiting: 2, want: []string{"orders b 2000"}},
	} {
		db := testkit.OwnSchema(t)
		stream, err := version.OpenStream(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		source := &memory{waits: []capture.Entry{a, b, other}}
		source.taken = func() { source.consume(c.taken) }
		ends, recorded := c.ends, 0
		captured := capture.New(zap.NewNop(), db, source, stream, capture.Config{
			Origin: "here", Syncs: func(table string) bool { return table == "orders" },
			Respelled: func(context.Context, mysqldb.Tx, []change.Row, []change.Row) error { return ends },
			Recorded:  func(int64) { recorded++ },
		})
		if err := captured.Once(t.Context()); !errors.Is(err, c.ends) || len(source.waits) != c.waiting || (recorded == 1) != (c.waiting == 0) {
			t.Errorf("%s: %v, %d pending, want %v and %d; reported %d times", name, err, len(source.waits), c.ends, c.waiting, recorded)
		}
		ends = nil
		for range 2 { // the last has nothing to do
			if err := captured.Once(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		var got []string
		err = db.SelectContext(t.Context(), &got, `SELECT CONCAT(table_name, ' ', row_id, ' ', time) FROM sync_versions ORDER BY position`)
		if err != nil || !slices.Equal(got, c.want) || len(source.waits) > 0 || recorded != 1 {
			t.Errorf("%s: recorded %q (%v) in %d rounds, want %q; %d pending", name, got, err, recorded, c.want, len(source.waits))
		}
	}
}
