package outbox_test

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// After a clock is set back, positions that a remote has acked must not be reused: promise 1.
func TestPositionsBeginAfterWhatRemotesHaveAcked(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	acked := time.Now().Add(time.Hour).UnixMicro() // with a clock that was ahead
	if _, err := db.ExecContext(t.Context(), `INSERT INTO sync_remotes (remote, position, shown) VALUES ('node-b', ?, ?)`, acked, acked); err != nil {
		t.Fatal(err)
	}
	s, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first := w.Positions(1); first <= acked {
		t.Errorf("the first position is %d, and node-b has acked %d", first, acked)
	}
}
