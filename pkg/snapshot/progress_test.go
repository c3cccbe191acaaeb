package snapshot

import (
	"fmt"
	"sync"
	"testing"

	"go.uber.org/zap"
)

// TestSendersReportProgressConcurrently is for the race detector.
func TestSendersReportProgressConcurrently(t *testing.T) {
	s := New(zap.NewNop(), nil, nil, nil, nil, Config{})
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() {
			for k := range 1000 {
				s.progress(State{Job: Job{fmt.Sprint(i), fmt.Sprint(k)}}, 1, k%2 == 0)
			}
		})
	}
	senders.Wait()
	if len(s.said) != 2000 {
		t.Errorf("%d running snapshots reported their progress, want 2000", len(s.said))
	}
}
