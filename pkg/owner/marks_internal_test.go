package owner

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatIsHandedOutIsMarked has a stream hand out numbers without anything being committed.
func TestWhatIsHandedOutIsMarked(t *testing.T) {
	t.Parallel()
	s := version.New(0, time.UnixMicro(1000), &latch.Rows{}, func(context.Context) error { return nil })
	last := marked{next: s.Token(0)}
	expect := func(want bool) {
		t.Helper()
		from := s.Token(0)
		at, now, due := last.mark(s)
		if due != want || due && at < from {
			t.Errorf("mark %v at %d, want %v, at %d", due, at, want, from)
		}
		last = now
	}
	expect(false)
	s.Token(3)
	expect(true)
	expect(false) // its own mark is none
	w, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(false)
	w.End(nil) // without a position
	expect(true)
	expect(false)
}
