package ledger_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

func TestAViewReadsConcurrentlyAndWritesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	if _, err := ledger.View(t.Context(), file, ledger.Config{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no state: %v", err)
	}
	l := open(t, file)
	if err := l.Pause(t.Context(), "orders", "a fair"); err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		v := must(ledger.View(t.Context(), file, ledger.Config{}))(t)
		if jobs := must(v.Jobs(t.Context()))(t); len(jobs) != 1 || jobs[0].Reason != "a fair" {
			t.Errorf("%+v", jobs)
		}
		if err := v.Resume(t.Context(), "orders"); err == nil {
			t.Error("a view was written to")
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
	look()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	look()
}
