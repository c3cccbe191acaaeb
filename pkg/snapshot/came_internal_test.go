package snapshot

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// TestTablesAreSentAsSoonAsARemoteComes, not at the next look for remotes; one that is there already causes no further looks.
func TestTablesAreSentAsSoonAsARemoteComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		here := false
		s := On(zap.NewNop(), m, time.Now, Config{Initial: Missing, Remotes: []string{"b"}, Tables: []string{"x"}, Ready: func(string, string) bool { return here }})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		begun := time.Now()
		if s.Came("b"); len(s.kick) > 0 {
			t.Error("it looks for a remote that accepts nothing yet")
		}
		here = true
		s.Came("stranger")
		synctest.Wait()
		if did := m.told(); did != nil {
			t.Errorf("when a stranger came it did %q", did)
		}
		s.Came("b")
		synctest.Wait()
		if did := m.told(); !slices.Equal(did, []string{"request [x] for b: missing"}) || time.Since(begun) > 0 {
			t.Errorf("after %s it did %q", time.Since(begun), did)
		}
		time.Sleep(2 * look)
		synctest.Wait()
		if s.Came("b"); len(s.kick) > 0 {
			t.Error("it looks again although it has met the remote")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
