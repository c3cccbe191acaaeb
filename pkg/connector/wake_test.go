package connector

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/systemd"
)

// systemd restarts a connector whose jobs no longer check their schedules, but not because a run takes long.
func TestAStuckScheduleIsNotAlive(t *testing.T) {
	t.Parallel()
	told := 0
	s := &Service{manager: systemd.Over(zap.NewNop(), time.Minute, func(string) error { told++; return nil })}
	j := &scheduled{Job: &job.Job{Name: "orders"}}
	a := &attempt{Connector: &Connector{working: make(chan struct{}), jobs: []*scheduled{j}}}
	for _, x := range []struct {
		name  string
		does  func()
		alive bool
	}{
		{"before the job's loop begins", func() {}, true},
		{"while it sleeps", func() { j.awake.due(time.Now().Add(time.Hour)) }, true},
		{"a little late, on a busy machine", func() { j.awake.due(time.Now().Add(-lateMost / 2)) }, true},
		{"stuck", func() { j.awake.due(time.Now().Add(-2 * lateMost)) }, false},
		{"in a run, however long", j.awake.busy, true},
	} {
		told = 0
		x.does()
		if s.alive(a); (told > 0) != x.alive {
			t.Errorf("%s: reported as alive %d times, want any: %t", x.name, told, x.alive)
		}
	}
}
