package peer_test

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
)

func TestDatesNeverGoBackAndFollowThePeersClock(t *testing.T) {
	noon := time.UnixMilli(1_700_000_000_000)
	var d peer.Dates
	for _, x := range []struct {
		rule       string
		now, ahead time.Duration // after noon
		want       time.Duration
	}{
		{"now", 0, 0, 0},
		{"the clock goes on", time.Second, 0, time.Second},
		{"the clock is set back", -time.Hour, 0, time.Second},
		{"the peer's clock is ahead", 2 * time.Second, time.Minute, 62 * time.Second},
		{"it is not any more", 3 * time.Second, 0, 62 * time.Second},
		{"the clock has caught up", time.Hour, 0, time.Hour},
	} {
		if got := d.Next(noon.Add(x.now), x.ahead); got != noon.Add(x.want).UnixMilli() {
			t.Errorf("%s: %v after noon, want %v", x.rule, time.UnixMilli(got).Sub(noon), x.want)
		}
	}
}
