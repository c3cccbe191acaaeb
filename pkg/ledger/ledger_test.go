package ledger_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

func entry(key string, version byte) ledger.Entry {
	return ledger.Entry{Key: key, Hash: ledger.Hash{version}, Data: []byte(`{}`)}
}

func put(t *testing.T, l *ledger.Ledger, g *ledger.Leg, run int64, entries ...ledger.Entry) {
	t.Helper()
	if err := l.Fill(t.Context(), &ledger.Fill{Run: run, Read: len(entries), Parts: []ledger.Part{{Leg: g, Entries: entries}}}); err != nil {
		t.Fatal(err)
	}
}

func TestANewerStateFollowsTheOneInFlight(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	g := leg(t, l)
	put(t, l, g, 0, entry("a", 1), entry("b", 1))
	first := must(g.Next(t.Context(), 10, 1000))(t)
	put(t, l, g, 0, entry("a", 2), entry("c", 1))
	second := must(g.Next(t.Context(), 10, 1000))(t)
	if len(second.Operations) != 1 || second.Operations[0].Key != "c" {
		t.Errorf("sent next to it: %+v", second.Operations)
	}
	if b := must(g.Next(t.Context(), 10, 1000))(t); b != nil {
		t.Errorf("sent then: %+v", b.Operations)
	}
	if err := g.Book(t.Context(), first, []ledger.Answer{{RemoteID: "1"}, {RemoteID: "2"}}); err != nil {
		t.Fatal(err)
	}
	b := must(g.Next(t.Context(), 10, 1000))(t)
	if b == nil || len(b.Operations) != 1 || b.Operations[0].Kind != ledger.Update || b.Operations[0].RemoteID != "1" || b.Operations[0].Hash != (ledger.Hash{2}) {
		t.Errorf("sent after it: %+v", b)
	}
}

func TestMissingRowsAreDropped(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	g := leg(t, l)
	var all []ledger.Entry
	for i := range 5000 {
		all = append(all, entry(fmt.Sprintf("%05d", i), 1))
	}
	put(t, l, g, 0, all...)
	pass := must(g.Pass(t.Context()))(t)
	for from := 0; from < len(all); from += 1000 {
		var keys []string
		for _, e := range all[from : from+1000] {
			if e.Key[4] != '7' {
				keys = append(keys, e.Key)
			}
		}
		for _, r := range must(g.Look(t.Context(), keys))(t) {
			if pass.Mark(r.ID) {
				t.Errorf("%s exists twice", r.Key)
			}
			if r.Key == "00001" && !pass.Mark(r.ID) {
				t.Error("a second one is not noticed")
			}
		}
	}
	put(t, l, g, 0, entry("00007new", 1)) // while the pass goes on
	n, last := 0, ""
	for r, err := range g.Unseen(t.Context(), pass) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Key[4] != '7' || r.Key <= last {
			t.Errorf("%s after %s", r.Key, last)
		}
		n, last = n+1, r.Key
		put(t, l, g, 0, ledger.Entry{Key: r.Key, Deleted: true})
	}
	if n != 500 || pass.Len() != 4500 {
		t.Errorf("%d are missing, %d were seen", n, pass.Len())
	}
}

func TestANewerStateFileIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	if err := open(t, file).Close(); err != nil {
		t.Fatal(err)
	}
	db := must(sql.Open("sqlite", file))(t)
	defer db.Close()
	must(db.Exec(`PRAGMA user_version = 99`))(t)
	var newer *ledger.NewerError
	if _, err := ledger.Open(t.Context(), file, ledger.Config{}); !errors.As(err, &newer) || newer.Has != 99 {
		t.Error(err)
	}
	if _, err := ledger.Copy(t.Context(), file, ledger.Config{}); !errors.As(err, &newer) {
		t.Error(err)
	}
	must(db.Exec(`PRAGMA application_id = 5`))(t)
	if _, err := ledger.Open(t.Context(), file, ledger.Config{}); err == nil {
		t.Error("another program's database was opened")
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "connector.db")
	l := open(t, file)
	g := leg(t, l)
	put(t, l, g, 0, entry("a", 1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	list := func() (text string) {
		for _, f := range must(os.ReadDir(folder))(t) {
			text += fmt.Sprintf("%s %x\n", f.Name(), must(os.ReadFile(filepath.Join(folder, f.Name())))(t))
		}
		return text
	}
	before := list()
	for _, name := range []string{file, filepath.Join(folder, "none.db")} {
		dry := must(ledger.Copy(t.Context(), name, ledger.Config{}))(t)
		put(t, dry, leg(t, dry), 0, entry("b", 1))
		if n := must(leg(t, dry).Counts(t.Context()))(t).Known; (n == 2) != (name == file) {
			t.Errorf("%s has %d rows", name, n)
		}
		if err := dry.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if list() != before {
		t.Error("files changed")
	}
}

func TestARunIsClaimedOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	ctx := t.Context()
	first := ledger.Run{Job: "orders", Kind: "scheduled", Occurrence: "2026-11-27T08:00"}
	if err := l.Claim(ctx, &first); err != nil {
		t.Fatal(err)
	}
	if err := l.Claim(ctx, &ledger.Run{Job: "orders", Kind: "manual"}); !errors.Is(err, ledger.ErrRunning) {
		t.Error(err)
	}
	g := leg(t, l)
	put(t, l, g, first.ID, entry("a", 1), entry("b", 1))
	b := must(g.Next(ctx, 10, 1000))(t)
	if err := g.Book(ctx, b, []ledger.Answer{{RemoteID: "1"}, {Refused: "no"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, file)
	was := must(l.Runs(ctx, ledger.Which{Job: "orders"}))(t)
	if len(was) != 1 || was[0].State != ledger.Interrupted || was[0].Counters != (ledger.Counters{Read: 2, Sent: 1, Refused: 1}) {
		t.Errorf("%+v", was)
	}
	if err := l.Claim(ctx, &ledger.Run{Job: "orders", Kind: "scheduled", Occurrence: "2026-11-27T08:00"}); !errors.Is(err, ledger.ErrClaimed) {
		t.Error(err)
	}
	for i := range 3 {
		r := ledger.Run{Job: "orders", Kind: "manual"}
		if i == 2 {
			r = ledger.Run{Job: "orders", Kind: "scheduled", Occurrence: "2026-11-27T08:15"}
		}
		if err := l.Claim(ctx, &r); err != nil {
			t.Fatal(err)
		}
		r.State = ledger.Done
		if err := l.End(ctx, &r); err != nil {
			t.Fatal(err)
		}
	}
	if n := must(l.Purge(ctx, time.Now().Add(time.Hour)))(t); n != 2 { // not the failed one, nor the last occurrence
		t.Errorf("%d runs were forgotten", n)
	}
	if err := l.Clear(ctx, first.ID); err != nil {
		t.Error(err)
	}
	if n := must(l.Purge(ctx, time.Now().Add(time.Hour)))(t); n != 1 {
		t.Errorf("%d runs were forgotten", n)
	}
	if err := l.Claim(ctx, &ledger.Run{Job: "orders", Kind: "scheduled", Occurrence: "2026-11-27T08:15"}); !errors.Is(err, ledger.ErrClaimed) {
		t.Errorf("the last occurrence is claimed again: %v", err)
	}
}

func TestLimitsAlertsPausesAndBackupsOutliveARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	ctx := t.Context()
	l := open(t, file)
	for slot := range int64(3) {
		if ok, err := l.Take(ctx, "appX", 10+slot, 0, 50, 3); !ok || err != nil {
			t.Error(ok, err)
		}
	}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	opened := must(l.Raise(ctx, "failed", "orders", "it failed"))(t)
	twice := must(l.Raise(ctx, "failed", "orders", "it failed again"))(t)
	err := errors.Join(l.Hold(ctx, "appX", until), l.Hold(ctx, "appX", until.Add(-time.Minute)),
		l.Pause(ctx, "orders", "restored"), l.NoteBackup(ctx, &ledger.Backup{Object: "b/1", Size: 5}),
		l.Identify(ctx, ledger.Identity{Connector: "c-7", Org: "acme", Hub: "h-1"}), l.Close())
	if err != nil || !opened || twice {
		t.Fatal(err, opened, twice)
	}
	l = open(t, file)
	if used, err := l.Used(ctx, "appX", 11, 50); used != 2 || err != nil {
		t.Error(used, err)
	}
	if ok, err := l.Take(ctx, "appX", 12, 0, 50, 3); ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := l.Take(ctx, "appX", 20, 11, 61, 3); !ok || err != nil { // the first slot no longer counts
		t.Error(ok, err)
	}
	if held, err := l.Held(ctx, "appX"); !held.Equal(until) || err != nil {
		t.Error(held, err)
	}
	if held, err := l.Held(ctx, "appY"); !held.IsZero() || err != nil {
		t.Error(held, err)
	}
	for _, name := range []string{file, file + "-wal", file + ".lock"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if paused, why, err := l.Paused(ctx, "orders"); !paused || why != "restored" || err != nil {
		t.Error(paused, why, err)
	}
	if all := must(l.Backups(ctx, 10))(t); len(all) != 1 || all[0].Object != "b/1" {
		t.Errorf("%+v", all)
	}
	var foreign *ledger.ForeignError
	if err := l.Identify(ctx, ledger.Identity{Connector: "c-8", Org: "acme", Hub: "h-1"}); !errors.As(err, &foreign) {
		t.Error(err)
	}
	for _, over := range []bool{false, true} {
		for _, target := range []string{"slack", "webhook"} {
			a, ok, _, err := l.NextAlert(ctx, target)
			if err != nil || !ok || a.Over != over || a.Count != 2 || a.Text != "it failed again" {
				t.Errorf("%+v %v", a, err)
			}
			if err := errors.Join(l.Telling(ctx, target, a), l.Told(ctx, target, a)); err != nil {
				t.Fatal(err)
			}
			if _, ok, _, err := l.NextAlert(ctx, target); ok || err != nil {
				t.Error("sent twice", err)
			}
		}
		must(l.Settle(ctx, "failed", "orders"))(t)
	}
	must(l.Raise(ctx, "late", "backup", "it is late"))(t)
	must(l.Settle(ctx, "late", "backup"))(t)
	if _, ok, _, err := l.NextAlert(ctx, "slack"); ok || err != nil {
		t.Error("an alert that ended unsent is sent", err)
	}
}

// A target that may have got an alert gets its end too; one that certainly did not, does not.
func TestR07EachTargetGetsAnAlertIndependently(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	ctx := t.Context()
	next := func(target string) (ledger.Alert, bool, time.Time) {
		t.Helper()
		a, ok, due, err := l.NextAlert(ctx, target)
		if err != nil {
			t.Fatal(err)
		}
		return a, ok, due
	}
	must(l.Raise(ctx, "failed", "orders", "first"))(t)
	must(l.Raise(ctx, "failed", "users", "second"))(t)
	a, _, _ := next("slack")
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := errors.Join(l.Telling(ctx, "slack", a), l.Telling(ctx, "webhook", a), l.NotTold(ctx, "webhook", a, false, later)); err != nil {
		t.Fatal(err)
	}
	if again, ok, _ := next("slack"); !ok || again.ID != a.ID {
		t.Errorf("an alert in doubt is not resent: %+v", again)
	}
	if again, ok, due := next("webhook"); ok || !due.Equal(later) {
		t.Errorf("a later alert overtakes an earlier one: %+v, %v", again, due)
	}
	must(l.Settle(ctx, "failed", "orders"))(t)
	if over, ok, _ := next("slack"); !ok || over.ID != a.ID || !over.Over {
		t.Errorf("the end of an alert in doubt is not sent: %+v", over)
	}
	if other, ok, _ := next("webhook"); !ok || other.Subject != "users" || other.Over {
		t.Errorf("the end of an unsent alert is sent: %+v", other)
	}
	if err := l.PurgeAlerts(ctx, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if all := must(l.Alerts(ctx, 9))(t); len(all) != 1 || all[0].Subject != "users" {
		t.Errorf("%+v", all)
	}
}

func TestTrimFreesTheDisk(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	g := leg(t, l)
	for n := range 100 {
		var all []ledger.Entry
		for i := range 20 {
			e := entry(strconv.Itoa(n*20+i), 1)
			e.Data = make([]byte, 2000)
			all = append(all, e)
		}
		put(t, l, g, 0, all...)
	}
	for {
		b := must(g.Next(t.Context(), 500, 1<<30))(t)
		if b == nil {
			break
		}
		if err := g.Book(t.Context(), b, make([]ledger.Answer, len(b.Operations))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Trim(t.Context()), l.Close()); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(t.Context(), file); err != nil {
		t.Error(err)
	}
	if size := must(os.Stat(file))(t).Size(); size > 1<<20 {
		t.Errorf("the file has still %d bytes", size)
	}
	l = open(t, file) // and a removed job leaves nothing
	if err := errors.Join(l.Forget(t.Context(), "orders"), l.Trim(t.Context())); err != nil {
		t.Fatal(err)
	}
	if jobs := must(l.Jobs(t.Context()))(t); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
	if c := must(leg(t, l).Counts(t.Context()))(t); c != (ledger.Counts{}) {
		t.Errorf("%+v", c)
	}
}

func TestAPassKnowsWhenItHasSeenAllRows(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	g := leg(t, l)
	put(t, l, g, 0, entry("a", 1), entry("b", 1))
	pass := must(g.Pass(t.Context()))(t)
	put(t, l, g, 0, entry("c", 1)) // after it began
	for i, r := range must(g.Look(t.Context(), []string{"a", "c", "a", "b"}))(t) {
		pass.Mark(r.ID)
		if all := i == 3; pass.All() != all {
			t.Errorf("after row %d it has seen all: %v", i, !all)
		}
	}
	if list := must(g.Pass(t.Context()))(t); list.All() {
		t.Error("a pass that has seen nothing has seen all")
	}
}
