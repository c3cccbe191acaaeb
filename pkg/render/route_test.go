package render_test

import (
	"context"
	"database/sql"
	"iter"
	"os"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// Labels of rows in this test.
const (
	its    = 1 // the remote has them
	others = 2
)

// routes have rows whose labels are now these, by key.
type routes struct {
	now     map[string]uint32
	follows bool
}

func (routes) Routed(string) bool                       { return true }
func (r routes) Follows(string) bool                    { return r.follows }
func (routes) To(_ string, label uint32, _ string) bool { return label == its }
func (routes) Token() int64                             { return 7 }
func (r routes) Read(context.Context, mysqldb.Queryer, *schema.Table, []string) (map[string]uint32, error) {
	return r.now, nil
}

// writes are the keys of rows that were written, which is not captured yet: a capture.Asked, and its only question.
type writes []string

func (w writes) Ask(string, iter.Seq[string]) capture.Question { return w }
func (writes) AddTo(q *mysqldb.Statement)                      { q.SQL("SELECT 1") }
func (writes) Scan(*sql.Rows) error                            { return nil }

func (w writes) Answer(context.Context) (list []capture.Entry, err error) {
	for _, key := range w {
		list = append(list, capture.Entry{Row: change.Row{Table: "orders", Key: key}})
	}
	return list, nil
}

func (writes) Consume(context.Context, mysqldb.Tx, *version.Writing, []capture.Entry) error {
	return nil
}

// TestARowIsSentToWhoIsRecordedToHaveIt renders rows that have been written since it was recorded who has them.
func TestARowIsSentToWhoIsRecordedToHaveIt(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE orders (id INT PRIMARY KEY)", "INSERT INTO orders VALUES (1)")
	row := change.Row{Table: "orders", Key: "1"}
	for name, c := range map[string]struct {
		recorded, now          uint32
		follows, missing       bool
		written                writes
		sent, withdrawn, waits int
	}{
		"it has it":                                  {recorded: its, now: its, sent: 1},
		"it has it not":                              {recorded: others, now: others, withdrawn: 1},
		"it will have it":                            {recorded: others, now: its, withdrawn: 1},
		"it will have it, and a table is sent":       {recorded: others, now: its, missing: true},
		"it had it":                                  {recorded: its, now: others, withdrawn: 1},
		"it had it, and a table is sent":             {recorded: its, now: others, missing: true},
		"its parent moves away":                      {recorded: its, now: others, follows: true, waits: 1},
		"its parent moves away, and a table is sent": {recorded: its, now: others, follows: true, missing: true, waits: 1},
		"its parent comes":                           {recorded: others, now: its, follows: true, withdrawn: 1},
		"no one has seen it being written":           {now: its, sent: 1},
		"no one has seen it being written, and a table is sent": {now: its, missing: true},
		"no one has seen it being written, and others have it":  {now: others, withdrawn: 1},
		"it is being written":                      {now: its, written: writes{"1"}, waits: 1},
		"it is being written, and others have it":  {now: others, written: writes{"1"}, withdrawn: 1},
		"it is being written, and a table is sent": {now: its, written: writes{"1"}, missing: true},
		"it is being written by one that has it":   {recorded: its, now: its, written: writes{"1"}, sent: 1},
	} {
		testkit.Exec(t, db, "DELETE FROM sync_versions")
		entry := version.Entry{Row: row, State: change.State{Version: change.Version{Time: 5, Origin: "hub"}}, Fate: version.There, Label: c.recorded}
		if err := version.Write(t.Context(), db, []version.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		n := &render.Renderer{Log: zap.NewNop(), Client: "hub", DB: db, Tables: schema.NewTables(db), Transformers: transform.New(zap.NewNop(), nil, nil, transform.Config{}),
			Source: c.written, Routes: routes{map[string]uint32{"1": c.now}, c.follows}}
		d, err := n.Render(t.Context(), render.Target{Remote: "store-1", Routes: true}, []outbox.Item{{Row: row, Marked: true, OnlyMissing: c.missing}})
		if err != nil {
			t.Fatal(err)
		}
		sent, withdrawn := 0, 0
		for _, o := range d.Outgoing {
			if o.Withdrawn {
				withdrawn++
			} else {
				sent++
			}
		}
		if sent != c.sent || withdrawn != c.withdrawn || len(d.Refused) != c.waits {
			t.Errorf("%s: %d sent, %d withdrawn, %d wait; want %d, %d, %d", name, sent, withdrawn, len(d.Refused), c.sent, c.withdrawn, c.waits)
		}
		for _, r := range d.Refused {
			if !r.Retry {
				t.Errorf("%s: it is refused for good", name)
			}
		}
	}
}
