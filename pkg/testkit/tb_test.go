package testkit_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestRunCleansUpAndReportsTheFailure(t *testing.T) {
	var order []string
	err := testkit.Run(t.Logf, func(tb testkit.TB) {
		tb.Cleanup(func() { order = append(order, "first") })
		tb.Cleanup(func() { tb.Fatalf("while cleaning up") })
		tb.Cleanup(func() { order = append(order, "last") })
		tb.Fatalf("while working")
		order = append(order, "after Fatalf")
	})
	if err == nil || err.Error() != "while working\nwhile cleaning up" {
		t.Errorf("error: %v", err)
	}
	if want := []string{"last", "first"}; !slices.Equal(order, want) {
		t.Errorf("order: %v, want %v", order, want)
	}
}

func TestEventuallyReturnsOnSuccess(t *testing.T) {
	calls := 0
	testkit.Eventually(t, "the third call", func() error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if calls != 3 {
		t.Errorf("calls: %d, want 3", calls)
	}
}

func TestWithinSaysWhatItWaitedFor(t *testing.T) {
	err := testkit.Run(t.Logf, func(tb testkit.TB) {
		testkit.Within(tb, 10*time.Millisecond, "rain", func() error { return errors.New("still dry") })
	})
	if want := "waited 10ms for rain: still dry"; err == nil || err.Error() != want {
		t.Errorf("error: %v, want %s", err, want)
	}
}
