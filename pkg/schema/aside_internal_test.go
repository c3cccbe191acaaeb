package schema

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/zap"
)

// TestATableThatOnlyLooksFreeIsTriedLessAndLessOften lets looks at a table succeed though its rows cannot be read.
func TestATableThatOnlyLooksFreeIsTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	ts := NewTables(nil)
	damaged, locked := &mysql.MySQLError{Number: 1034}, &mysql.MySQLError{Number: 1205}
	if ts.SetAside("items", &mysql.MySQLError{Number: 1146}) || ts.SetAside("items", nil) || ts.Aside("items") != nil {
		t.Error("a table is set aside for an unrelated error")
	}
	pause := asideFirst
	for range 20 {
		if !ts.SetAside("items", damaged) || ts.Aside("items") == nil {
			t.Fatal("a damaged table is not set aside")
		}
		if got := ts.asides["items"].pause; got != pause {
			t.Errorf("it is tried after %v, want %v", got, pause)
		}
		pause = min(2*pause, asideAgain)
		if !ts.foundAside(zap.NewNop(), "items", nil) || ts.Aside("items") != nil {
			t.Fatal("a table that looks free is not tried")
		}
	}
	ts.SetAside("items", locked)
	if got := ts.asides["items"].pause; got != asideFirst {
		t.Errorf("a lock is asked for after %v, want %v", got, asideFirst)
	}
	for range 20 {
		if ts.foundAside(zap.NewNop(), "items", locked) || ts.Aside("items") == nil {
			t.Fatal("a locked table is tried")
		}
	}
	if got := ts.asides["items"].pause; got != asideMost {
		t.Errorf("a lock is asked for after %v, want %v", got, asideMost)
	}
	ts.asides["items"].pause = asideFirst
	pause = asideFirst
	for range 20 { // the lock is on a table that this one follows
		ts.foundAside(zap.NewNop(), "items", nil)
		ts.SetAside("items", locked)
		pause = min(2*pause, asideMost)
		if got := ts.asides["items"].pause; got != pause {
			t.Errorf("a table that only looks unlocked is tried after %v, want %v", got, pause)
		}
	}
}
