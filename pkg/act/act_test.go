package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/act"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// store is the configuration of a site that lets hq do everything, and report look.
func store() *config.Config {
	return &config.Config{ClientName: "store-17", RemoteClients: []string{"hq", "report"}, AcceptFrom: []string{"hq"}, SyncTables: []string{"orders", "items"}, ReceiveTables: []string{"prices"},
		Rights:  map[string]config.Rights{"hq": {Write: config.Tables{All: true}, Read: config.Tables{All: true}, Columns: map[string][]string{"items": {"id"}}}},
		Actions: map[string][]string{"hq": {"look", "retry", "pause", "verify", "resync"}, "report": {"look", "verify"}},
		Encryption: config.Encryption{Keys: []seal.Key{
			{ID: "pair", Clients: []string{"hq", "store-17"}}, {ID: "all"}, {ID: "three", Clients: []string{"hq", "report"}},
		}}}
}

// node records what it is asked to do.
type node struct {
	status.Node
	mu     sync.Mutex
	did    []string
	errors []status.RowError
	fails  error
	waits  chan struct{} // comparisons wait for it; nil: they do not
	panics bool
}

func (n *node) done(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.did = append(n.did, fmt.Sprintf(format, args...))
}

func (n *node) list() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.did, "; ")
}

func (n *node) State(context.Context) (*status.State, error) {
	return &status.State{Remotes: []status.Remote{{Name: "hq", Online: true}, {Name: "report"}}, Pauses: []status.Pause{{Table: "orders"}, {Table: "items"}, {Remote: "hq", Along: []string{"items", "orders"}}}}, nil
}

func (n *node) Errors(_ context.Context, of status.Rows, _ int) (list []status.RowError, err error) {
	for _, e := range n.errors {
		if of.Table == "" || e.Table == of.Table {
			list = append(list, e)
		}
	}
	return list, nil
}

func (n *node) Retry(_ context.Context, of status.Rows) (int64, error) {
	if n.panics {
		panic("a bug")
	}
	n.done("retry %s%s%s", of.Remote, of.Table, of.ID)
	return 1, n.fails
}

func (n *node) Pause(_ context.Context, p status.PauseAsk) error {
	n.done("pause %s by %s", p.Table, p.By)
	return n.fails
}

func (n *node) Resume(context.Context, status.ResumeAsk) ([]status.Pause, error) {
	n.done("resume")
	return nil, n.fails
}

func (n *node) Resync(_ context.Context, r status.Resync) error {
	n.done("resync %s%s", r.Table, r.Where)
	return n.fails
}

func (n *node) Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error {
	n.done("verify %v repair %v", v.Tables, v.Repair)
	if n.waits != nil {
		select {
		case <-n.waits:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, t := range v.Tables {
		if err := tell(status.Comparison{Table: t, Remote: "hq", Differ: make([]status.Difference, 100)}); err != nil {
			return err
		}
	}
	return n.fails
}

// desk is one that runs until the test ends.
func desk(t *testing.T, cfg *config.Config, db *mysqldb.DB, n *node) *act.Desk {
	t.Helper()
	d := act.New(act.Config{Log: zap.NewNop(), Node: cfg, DB: db, Now: func() time.Time { return now }, Does: n})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

func id(n int) string { return fmt.Sprintf("%032x", n) }

func ask(do string, n int) *wire.Act {
	return &wire.Act{ID: id(n), At: now.UnixMilli(), By: "anna", Do: do}
}

// TestWhoMayDoWhat: nothing is done that the configuration does not allow, that is not sealed with a key of the pair, or that
// names a table that the asker may not read.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	cfg := store()
	for _, c := range []struct {
		client, sealed string
		act            wire.Act
		want           string
	}{
		{"hq", "pair", wire.Act{Do: "retry"}, ""},
		{"hq", "pair", wire.Act{Do: "resume"}, ""},
		{"hq", "pair", wire.Act{Do: "verify", Repair: true, Tables: []string{"orders", "items"}}, ""},
		{"hq", "", wire.Act{Do: "look"}, ""},
		{"report", "", wire.Act{Do: "look"}, ""},
		{"hq", "", wire.Act{Do: "retry"}, "only what is encrypted with a key that only it and hq have"},
		{"hq", "all", wire.Act{Do: "retry"}, "only what is encrypted"},
		{"hq", "three", wire.Act{Do: "resync", Table: "orders"}, "only what is encrypted"},
		{"report", "pair", wire.Act{Do: "verify"}, "only what is encrypted"}, // the key of another pair
		{"report", "pair", wire.Act{Do: "retry"}, `add "retry" to actionsFrom.report`},
		{"report", "pair", wire.Act{Do: "resume"}, `add "pause" to actionsFrom.report`},
		{"report", "pair", wire.Act{Do: "verify", Repair: true}, `add "resync" to actionsFrom.report`},
		{"stranger", "pair", wire.Act{Do: "look"}, "does not let stranger"},
		{"store-17", "pair", wire.Act{Do: "look"}, "does not let store-17"},
		{"hq", "pair", wire.Act{Do: "drop"}, `does not know the action "drop"`},
		{"hq", "pair", wire.Act{Do: ""}, "does not know the action"},
		{"hq", "pair", wire.Act{Do: "resync", Table: "secrets"}, `no table "secrets" that hq may read`},
		{"hq", "pair", wire.Act{Do: "retry", Table: "items"}, `no table "items" that hq may read`}, // only some columns
		{"hq", "pair", wire.Act{Do: "verify", Tables: []string{"orders", "mysql.user"}}, "no table"},
	} {
		err := act.Allowed(cfg, c.client, c.sealed, &c.act)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, sealed with %q, %+v: %v", c.client, c.sealed, c.act, err)
		}
		if err != nil && len(err.Error()) > 255 {
			t.Errorf("too long for an answer: %v", err)
		}
	}
}

// What has one ID is done once, by one run of the node and by the next; another question with that ID is refused.
func TestWhatHasOneIDIsDoneOnce(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{}
	a := ask("retry", 1)
	for run := range 2 {
		d := desk(t, store(), db, n)
		var wg sync.WaitGroup
		for range 8 { // also at the same time
			wg.Go(func() {
				x, err := d.Act(t.Context(), "hq", "pair", a)
				var is status.Afar
				if err == nil && !x.Running {
					err = json.Unmarshal(x.Result, &is)
				}
				if err != nil || !x.Running && is.Rows != 1 {
					t.Errorf("run %d: %+v, %v", run, x, err)
				}
			})
		}
		wg.Wait()
		if n.list() != "retry orders" {
			t.Fatalf("it did %q", n.list())
		}
		other := *a
		other.Table = "orders"
		if _, err := d.Act(t.Context(), "hq", "pair", &other); err == nil || !strings.Contains(err.Error(), "another question had this id") {
			t.Errorf("%v", err)
		}
	}
	if _, err := desk(t, store(), db, n).Act(t.Context(), "hq", "pair", ask("pause", 2)); err != nil || n.list() != "retry orders; pause  by hq (anna)" {
		t.Errorf("%v, %s", err, n.list())
	}
}

// A question that is dated too far from this node's clock is not taken for a new one; the answer to an old one stays.
func TestQuestionsExpire(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{}
	d := desk(t, store(), db, n)
	for i, off := range []time.Duration{-61 * time.Second, 61 * time.Second, -24 * time.Hour} {
		a := ask("retry", i+1)
		a.At = now.Add(off).UnixMilli()
		if _, err := d.Act(t.Context(), "hq", "pair", a); err == nil || !strings.Contains(err.Error(), "one of the two clocks is wrong") {
			t.Errorf("%v: %v", off, err)
		}
	}
	a := ask("retry", 9)
	a.At = now.Add(-59 * time.Second).UnixMilli()
	if _, err := d.Act(t.Context(), "hq", "pair", a); err != nil || n.list() != "retry orders" {
		t.Errorf("%v, %s", err, n.list())
	}
	later := act.New(act.Config{Log: zap.NewNop(), Node: store(), DB: db, Now: func() time.Time { return now.Add(time.Hour) }, Does: n})
	if x, err := later.Act(t.Context(), "hq", "pair", a); err != nil || len(x.Result) == 0 || n.list() != "retry orders" {
		t.Errorf("%+v, %v, %s", x, err, n.list())
	}
}

// A node that is killed after it has begun does not begin again, and says that it may have been done.
func TestAKilledNodeDoesNotBeginAgain(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{waits: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	first := act.New(act.Config{Log: zap.NewNop(), Node: store(), DB: db, Now: func() time.Time { return now }, Does: n})
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	a := ask("verify", 1)
	if x, err := first.Act(t.Context(), "hq", "pair", a); err != nil || !x.Running {
		t.Fatalf("%+v, %v", x, err)
	}
	// The next run finds the record as a kill leaves it.
	x, err := desk(t, store(), db, n).Act(t.Context(), "hq", "pair", a)
	if err != nil || !strings.Contains(x.Error, "it may have been done; ask again") {
		t.Errorf("%+v, %v", x, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n.list() != "verify [items orders prices] repair false" {
		t.Error(n.list())
	}
}

// A comparison goes on while its question is asked again; one more waits, a third is refused.
func TestComparisonsGoOn(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{waits: make(chan struct{})}
	d := desk(t, store(), db, n)
	a := ask("verify", 1)
	for range 3 {
		if x, err := d.Act(t.Context(), "hq", "pair", a); err != nil || !x.Running {
			t.Fatalf("%+v, %v", x, err)
		}
	}
	if x, err := d.Act(t.Context(), "hq", "pair", ask("verify", 2)); err != nil || !x.Running {
		t.Fatalf("%+v, %v", x, err)
	}
	if x, err := d.Act(t.Context(), "hq", "pair", ask("verify", 3)); err != nil || !strings.Contains(x.Error, "still running") {
		t.Fatalf("%+v, %v", x, err)
	}
	close(n.waits)
	testkit.Eventually(t, "the result", func() error {
		x, err := d.Act(t.Context(), "hq", "pair", a)
		if err != nil || x.Running {
			return errors.Join(err, errors.New("still running"))
		}
		var is status.Afar
		if err := json.Unmarshal(x.Result, &is); err != nil || len(is.Compared) != 3 || len(is.Compared[1].Differ) != 20 || len(is.Compared[0].Differ)+len(is.Compared[2].Differ) != 0 {
			t.Errorf("%s, %v", x.Result, err) // of prices, which the site is only sent, and of items, hq may not see which
		}
		return nil
	})
}

// What is listed is bounded, in pages, and only of tables that the asker may read.
func TestRefusedRowsComeInPages(t *testing.T) {
	t.Parallel()
	n := &node{}
	for i := range 300 {
		for _, table := range []string{"orders", "items"} {
			n.errors = append(n.errors, status.RowError{Remote: "hq", Table: table, ID: fmt.Sprint(i), Message: strings.Repeat("why ", 1000), At: now.Add(-time.Duration(i) * time.Second)})
		}
	}
	d := desk(t, store(), testkit.OwnSchema(t), n)
	var ids []string
	for a := ask("look", 1); ; {
		x, err := d.Act(t.Context(), "hq", "", a)
		var is status.Afar
		if err != nil || len(x.Result) > wire.MostActed || json.Unmarshal(x.Result, &is) != nil {
			t.Fatalf("%d bytes, %+v, %v", len(x.Result), x, err)
		}
		if strings.Contains(string(x.Result), "items") {
			t.Fatal("it tells about a table of which hq may read only some columns")
		}
		if len(is.Remotes) != 2 || len(is.Tables) != 1 || len(is.Pauses) != 2 {
			t.Fatalf("%+v", is)
		}
		for _, e := range is.Errors {
			ids = append(ids, e.ID)
		}
		if a.Skip = len(ids); !is.More {
			break
		}
	}
	if len(ids) != 300 || ids[0] != "0" || ids[299] != "299" {
		t.Errorf("%d rows: %v", len(ids), ids)
	}
}

// A failure is an outcome; a bug costs only its question; what the database says stays here.
func TestFailuresAreOutcomes(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{fails: errors.New("no such remote")}
	d := desk(t, store(), db, n)
	if x, err := d.Act(t.Context(), "hq", "pair", ask("retry", 1)); err != nil || x.Error != "no such remote" {
		t.Errorf("%+v, %v", x, err)
	}
	n.panics = true
	if x, err := d.Act(t.Context(), "hq", "pair", ask("retry", 2)); err != nil || !strings.Contains(x.Error, "a bug there") {
		t.Errorf("%+v, %v", x, err)
	}
	var states string
	if err := db.GetContext(t.Context(), &states, `SELECT GROUP_CONCAT(state ORDER BY id) FROM sync_acts`); err != nil || states != "failed,failed" {
		t.Errorf("%s, %v", states, err)
	}
}

// The records are bounded, and none that is needed is dropped.
func TestRecordsAreBounded(t *testing.T) {
	t.Parallel()
	db, n := testkit.OwnSchema(t), &node{}
	const fill = `INSERT INTO sync_acts (client, id, person, action, what, digest, asked_at, began_at, state)
		SELECT 'hq', LPAD(seq, 32, 'a'), '', 'retry', '', '', NOW(), UTC_TIMESTAMP(6) - INTERVAL ? SECOND, 'done' FROM (
			SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + ? AS seq FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a,
			(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) b,
			(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) c,
			(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5) d LIMIT ?) some`
	for _, x := range [][3]int{{91 * 24 * 3600, 10_000, 10}, {3600, 20_000, 4500}, {60, 30_000, 499}} {
		if _, err := db.ExecContext(t.Context(), fill, x[0], x[1], x[2]); err != nil {
			t.Fatal(err)
		}
	}
	d := desk(t, store(), db, n)
	testkit.Eventually(t, "the old ones to go", func() error {
		var all, recent int
		err := errors.Join(db.GetContext(t.Context(), &all, `SELECT COUNT(*) FROM sync_acts`), db.GetContext(t.Context(), &recent, `SELECT COUNT(*) FROM sync_acts WHERE began_at > UTC_TIMESTAMP(6) - INTERVAL 10 MINUTE`))
		if err != nil || all != 4000 || recent != 499 {
			return fmt.Errorf("%d records, %d of them recent: %w", all, recent, err)
		}
		return nil
	})
	if _, err := d.Act(t.Context(), "hq", "pair", ask("retry", 1)); err != nil {
		t.Error(err)
	}
	if _, err := d.Act(t.Context(), "hq", "pair", ask("retry", 2)); err == nil || !strings.Contains(err.Error(), "try again later") || n.list() != "retry orders" {
		t.Errorf("%v, %s", err, n.list())
	}
}
