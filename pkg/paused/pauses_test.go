package paused_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// node has some pauses; log is its log, and changed counts the changes.
type node struct {
	*paused.Pauses
	log     *observer.ObservedLogs
	changed int
}

func start(t *testing.T, db *mysqldb.DB) *node {
	t.Helper()
	core, log := observer.New(zapcore.InfoLevel)
	n := &node{log: log}
	n.Pauses = paused.New(paused.Config{Log: zap.New(core), DB: db, Synced: []string{"orders", "items"},
		Parents: func(_ context.Context, table string) []string { return parents(table) }, Changed: func() { n.changed++ }})
	n.looks(t)
	return n
}

func (n *node) looks(t *testing.T) {
	t.Helper()
	if err := n.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// says compares the log lines since the last call.
func (n *node) says() string {
	var list []string
	for _, l := range n.log.TakeAll() {
		f := l.ContextMap()
		list = append(list, l.Message+": "+f["table"].(string)+" to "+f["remote"].(string))
	}
	return strings.Join(list, "\n")
}

func (n *node) expect(t *testing.T, said string, held bool, changed int) {
	t.Helper()
	n.looks(t)
	if got := n.says(); got != said {
		t.Errorf("it logged\n%s\nwant\n%s", got, said)
	}
	if n.Holds("node-b", "items") != held || n.changed != changed {
		t.Errorf("items are held back: %v; %d changes", n.Holds("node-b", "items"), n.changed)
	}
}

func begin(t *testing.T, db *mysqldb.DB, a paused.Ask) {
	t.Helper()
	if err := paused.Begin(t.Context(), db, a); err != nil {
		t.Fatal(err)
	}
}

// A pause ends by the database's clock, or when it is resumed; other pauses stay. Its end is logged once, by the node that
// is running then.
func TestAPauseBeginsAndEnds(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	n := start(t, db)
	n.expect(t, "", false, 0)
	begin(t, db, paused.Ask{Remote: "node-b", Table: "orders", For: time.Hour, Reason: "a new column"})
	begin(t, db, paused.Ask{Table: "orders"})
	n.expect(t, "sending is paused: orders to all\nsending is paused: orders to node-b", true, 1)
	began := n.All()[1].Began
	if h := n.All()[1]; h.Reason != "a new column" || h.Until.Sub(h.Began) != time.Hour || len(h.Along) != 1 || h.Along[0] != "items" {
		t.Errorf("the pause is %+v", h)
	}
	begin(t, db, paused.Ask{Remote: "node-b", Table: "orders", For: 2 * time.Hour})
	n.expect(t, "sending is paused: orders to node-b", true, 2)
	if h := n.All()[1]; !h.Began.Equal(began) || h.Until.Sub(h.Began) < 2*time.Hour || h.Reason != "" {
		t.Errorf("the pause that replaced it is %+v", h)
	}
	db.MustExec(`UPDATE sync_pauses SET until_at = UTC_TIMESTAMP(6) WHERE remote = 'node-b'`)
	n.expect(t, "sending goes on: the pause is over: orders to node-b", true, 3)
	n = start(t, db)
	n.expect(t, "sending is paused: orders to all", true, 1)
	ended, err := paused.End(t.Context(), db, "", "", true)
	if err != nil || len(ended) != 0 {
		t.Errorf("ended are %v, %v", ended, err)
	}
	ended, err = paused.End(t.Context(), db, "", "orders", false)
	if err != nil || len(ended) != 1 || ended[0].Remote != "" || ended[0].Table != "orders" {
		t.Errorf("ended are %v, %v", ended, err)
	}
	n.expect(t, "sending goes on: it was resumed: orders to all", false, 2)
	var left int
	if err := db.Get(&left, `SELECT COUNT(*) FROM sync_pauses`); err != nil || left != 0 {
		t.Errorf("%d rows are left: %v", left, err)
	}
}

// A pause that ran out while no node was running holds nothing back, and pausing anew begins now.
func TestAPauseEndsWhileTheNodeIsDown(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	begin(t, db, paused.Ask{Remote: "node-b", For: time.Hour})
	begin(t, db, paused.Ask{Remote: "node-c", For: time.Hour})
	db.MustExec(`UPDATE sync_pauses SET began_at = began_at - INTERVAL 1 DAY, until_at = until_at - INTERVAL 1 DAY`)
	begin(t, db, paused.Ask{Remote: "node-c", For: time.Hour})
	n := start(t, db)
	n.expect(t, "sending is paused: all to node-c\na pause ended while the node was down: all to node-b", false, 1)
	if h := n.All()[0]; time.Since(h.Began).Abs() > time.Hour {
		t.Errorf("it began at %s", h.Began)
	}
}

func TestWhatIsNoPause(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]paused.Ask{
		"too short": {For: time.Millisecond}, "negative": {For: -time.Hour}, "too long": {For: 11 * 365 * 24 * time.Hour},
		"a long reason": {Reason: strings.Repeat("ä", paused.ReasonMost+1)}, "a reason that is no text": {Reason: "\xff"},
	} {
		if a.Valid() == nil {
			t.Errorf("%s: accepted, want an error", name)
		}
	}
	if err := (paused.Ask{For: time.Second, Reason: strings.Repeat("ä", paused.ReasonMost)}).Valid(); err != nil {
		t.Error(err)
	}
}
