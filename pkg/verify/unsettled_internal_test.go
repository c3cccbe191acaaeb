package verify

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestEndlessWaitersAreReported(t *testing.T) {
	var u unsettled
	now := time.Unix(1e9, 0)
	unasked := fmt.Errorf("ask about rows of orders: %w", errUnasked)
	for i, c := range []struct {
		after  time.Duration
		remote string
		err    error // nil: the remote answered
		want   bool
	}{
		{0, "hq", errors.New("no answer"), false}, // it may be busy
		{0, "hq", errors.New("no answer"), true},
		{10 * time.Second, "hq", errors.New("no answer, in other words"), false},
		{0, "branch", errors.New("no answer"), false},
		{0, "branch", errors.New("no answer"), true},
		{0, "hq", unasked, true}, // another reason
		{10 * time.Second, "hq", unasked, false},
		{0, "evil", unasked, true}, // at once
		{time.Minute, "evil", unasked, true},
		{0, "hq", errors.New("no answer"), true},
		{time.Minute, "hq", nil, false},
		{0, "hq", errors.New("no answer"), false}, // it did not repeat
		{0, "hq", errors.New("no answer"), true},
	} {
		now = now.Add(c.after)
		got := false
		if c.err == nil {
			u.success(c.remote)
		} else {
			got = u.failure(now, c.remote, c.err)
		}
		if got != c.want {
			t.Errorf("%d: reported %v, want %v", i, got, c.want)
		}
	}
	for i := range 1000 {
		u.failure(now, "evil", fmt.Errorf("text %d of a remote", i))
	}
	if len(u.told) > 3*3 {
		t.Errorf("%d reasons are remembered", len(u.told))
	}
}
