package ledger

import (
	"errors"
	"path/filepath"
	"testing"
)

// A run whose end could not be written does not keep its job from running again, and gets its end once there is room.
func TestARunWhoseEndCannotBeWrittenEndsLater(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(l *Ledger) error{
		"asked": func(l *Ledger) error { return l.Unwritten(t.Context()) },
		"by the next run": func(l *Ledger) error {
			return l.Claim(t.Context(), &Run{Job: "orders", Kind: "manual"})
		},
	} {
		l, err := Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		full := func(on string) {
			if err := l.tx.script("PRAGMA query_only = " + on); err != nil {
				t.Fatal(err)
			}
		}
		r := &Run{Job: "orders", Kind: "manual"}
		if err := l.Claim(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := l.Unwritten(t.Context()); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		full("on")
		r.State, r.Stage, r.Error = Failed, "send", "the disk is full"
		if err := l.End(t.Context(), r); err == nil {
			t.Errorf("%s: the end is written", name)
		}
		if err := l.Claim(t.Context(), &Run{Job: "orders", Kind: "manual"}); err == nil || errors.Is(err, ErrRunning) {
			t.Errorf("%s: a run begins, or another one is in progress: %v", name, err)
		}
		if err := l.Unwritten(t.Context()); err == nil {
			t.Errorf("%s: writing works", name)
		}
		full("off")
		if err := mend(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		list, err := l.Runs(t.Context(), Which{ID: r.ID})
		if err != nil || len(list) != 1 || list[0].State != Failed || list[0].Error != r.Error || list[0].Ended.IsZero() {
			t.Errorf("%s: the run is %+v, %v", name, list, err)
		}
		if err := l.Unwritten(t.Context()); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}
