package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// used is a state that has done something: its leg has an outbox, a batch is in flight, and an alert is open.
func used(t *testing.T, file string) {
	t.Helper()
	ctx := t.Context()
	l, g, to, n, err := begin(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := l.Identify(ctx, ledger.Identity{Connector: "c-7", Org: "acme", Hub: "h-1"}); err != nil {
		t.Fatal(err)
	}
	if err := fillNumber(ctx, l, g, n+1); err != nil {
		t.Fatal(err)
	}
	if b, err := g.Next(ctx, 8, 1<<20); err != nil || b == nil {
		t.Fatalf("%v, %v", b, err)
	}
	if _, err := l.Raise(ctx, "backup", "c-7", "is late"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.NoteBackup(ctx, &ledger.Backup{Object: "acme/h-1/c-7"}), l.Close()); err != nil {
		t.Fatal(err)
	}
}

// copyOf copies a state into its folder.
func copyOf(t *testing.T, file string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := ledger.Snapshot(t.Context(), file, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// look opens a state and closes it after f.
func look(t *testing.T, file string, f func(ctx context.Context, l *ledger.Ledger)) {
	t.Helper()
	l, err := ledger.View(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f(t.Context(), l)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestB09ACopyBecomesAnotherConnectors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	used(t, file)
	by := copyOf(t, file)
	as := ledger.Identity{Connector: "c-8", Org: "acme", Hub: "h-2"}
	if err := ledger.Revive(t.Context(), by, ledger.Revival{As: &as, Pause: "restored", Now: time.UnixMilli(1_000)}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(t.Context(), by); err != nil {
		t.Error(err)
	}
	var old ledger.Identity
	look(t, file, func(ctx context.Context, l *ledger.Ledger) { old, _ = l.Identity(ctx) })
	look(t, by, func(ctx context.Context, l *ledger.Ledger) {
		i, err := l.Identity(ctx)
		if err != nil || i.Connector != "c-8" || i.Hub != "h-2" || i.RestoredAt != time.UnixMilli(1_000) || i.Life == old.Life || i.Life == "" {
			t.Errorf("%+v, %v; it was %+v", i, err, old)
		}
		if paused, reason, err := l.Paused(ctx, "orders"); !paused || reason != "restored" || err != nil {
			t.Errorf("%v %q %v", paused, reason, err)
		}
		if list, err := l.Backups(ctx, 9); len(list) > 0 || err != nil {
			t.Errorf("it has the backups of another: %v, %v", list, err)
		}
		if list, err := l.Alerts(ctx, 9); len(list) > 0 || err != nil {
			t.Errorf("it has the alerts of another: %v, %v", list, err)
		}
	})
}

// A copy for another connector must have that connector's IDs wherever a state has IDs: this test reminds authors of new
// columns.
func TestB09EachColumnThatHoldsAnIDIsKnown(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	used(t, file)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.type NOT IN ('INTEGER')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		found[table] = append(found[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	const theirs = " are about jobs, rows and services, whatever the connector is called"
	known := map[string]string{
		"meta": "name value", // rewritten
		// emptied: they are about the copied connector
		"alerts": "rule subject text state", "tellings": "target state", "notes": "subject event text", "backups": "object sha256 error",
		"jobs": "name fingerprint reason", "legs": "direction destination place_value place_key",
		"rows": "key acked remote_id next came_from", "outbox": "key hash data", "refused": "key hash data reason batch",
		"batches": "name numbers state", "watermarks": "direction read_value read_key", "marks": "value key",
		"runs": "kind occurrence report_date state stage error request_id", "budgets": "name", "holds": "name",
		"inboxes": "source object", "inbox": "key version data", "pieces": "data", "met": "source client",
	}
	for _, table := range slices.Sorted(maps.Keys(found)) {
		for _, column := range found[table] {
			if !slices.Contains(strings.Fields(known[table]), column) {
				t.Errorf("%s.%s is new: can it hold the connector's id? Those known%s", table, column, theirs)
			}
		}
	}
}

func TestB08ANewerOrRunningStateIsNotReplaced(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, c := range []struct {
		what  string
		after func(t *testing.T, file string) // what the state does after the copy
		force bool
		wrong func(error) bool // nil: it is replaced
	}{
		{what: "as copied", after: func(*testing.T, string) {}},
		{what: "newer", after: used, wrong: func(err error) bool { return isA[*ledger.AheadError](err) }},
		{what: "newer, forced", after: used, force: true},
		{what: "in use", force: true, after: func(t *testing.T, file string) {
			l, err := ledger.Open(ctx, file, ledger.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}, wrong: func(err error) bool { return isA[*ledger.LockedError](err) }},
		{what: "damaged", after: damage, wrong: func(err error) bool { return strings.Contains(err.Error(), "not a database") }},
		{what: "damaged, forced", force: true, after: damage},
		{what: "another's, newer than both", wrong: func(err error) bool { return isA[*ledger.AheadError](err) }, after: func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			used(t, file)
			l, err := ledger.Open(ctx, file, ledger.Config{Now: func() time.Time { return time.Now().Add(time.Hour) }})
			if err == nil {
				err = errors.Join(l.Claim(ctx, &ledger.Run{Job: "orders", Kind: "manual"}), l.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			file, by := filepath.Join(folder, "connector.db"), filepath.Join(folder, "copy.db")
			used(t, file)
			if err := ledger.Snapshot(ctx, file, by); err != nil {
				t.Fatal(err)
			}
			c.after(t, file)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			reached, err := ledger.ReachedBy(ctx, by)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := ledger.Replace(ctx, file, by, reached, c.force)
			if c.wrong != nil {
				if err == nil || !c.wrong(err) || kept != "" {
					t.Fatalf("%q, %v", kept, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(by); err == nil {
				t.Error("the copy is still there")
			}
			if err := ledger.Check(ctx, file); err != nil {
				t.Error(err)
			}
			if old, err := os.ReadFile(kept); err != nil || c.what == "damaged, forced" && string(old) != string(before) {
				t.Errorf("the previous state is not kept: %v", err)
			}
		})
	}
}

func damage(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func isA[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// A WAL left by a removed state would be replayed into the copy.
func TestB08ALeftoverLogIsNotAppliedToTheCopy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, by := filepath.Join(folder, "connector.db"), filepath.Join(folder, "copy.db")
	used(t, file)
	if err := ledger.Snapshot(t.Context(), file, by); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(by)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Pause(t.Context(), "orders", "in the log only"); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(file + "-wal")
	if err := errors.Join(err, l.Close(), os.Remove(file), os.WriteFile(file+"-wal", log, 0o600)); err != nil {
		t.Fatal(err)
	}
	if len(log) == 0 {
		t.Fatal("there was no log")
	}
	if _, err := ledger.Replace(t.Context(), file, by, ledger.Reached{}, false); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("it is not the copy: %v", err)
	}
	look(t, file, func(ctx context.Context, l *ledger.Ledger) {
		if paused, _, err := l.Paused(ctx, "orders"); paused || err != nil {
			t.Errorf("%v, %v", paused, err)
		}
	})
}
