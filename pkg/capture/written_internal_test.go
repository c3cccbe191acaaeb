package capture

import (
	"strconv"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// TestWritesAheadOfTheClockStayRemembered records more rows than are remembered: the time at which
// others were forgotten says nothing about a write whose version is ahead of the clock.
func TestWritesAheadOfTheClockStayRemembered(t *testing.T) {
	t.Parallel()
	c := &Capture{}
	ahead := change.Micros(time.Now().Add(time.Hour))
	first := change.Row{Table: "orders", Key: "first"}
	c.written.note(first, ahead)
	now := change.Micros(time.Now())
	for i := range 2 * writtenMost {
		c.written.note(change.Row{Table: "orders", Key: strconv.Itoa(i)}, now)
	}
	if at := c.Written(first); at != ahead {
		t.Errorf("a write of %d counts as one of up to %d", ahead, at)
	}
	if at := c.Written(change.Row{Table: "orders", Key: "0"}); at < now || at >= ahead {
		t.Errorf("a forgotten write of %d counts as one of up to %d", now, at)
	}
	for i := range 3 * writtenMost {
		c.written.note(change.Row{Table: "orders", Key: strconv.Itoa(i)}, ahead)
	}
	if n := len(c.written.times); n > writtenMost {
		t.Errorf("%d rows are remembered", n)
	}
	if at := c.Written(change.Row{Table: "orders", Key: "0"}); at < ahead {
		t.Errorf("a forgotten write of %d counts as one of up to %d", ahead, at)
	}
}
