package apply

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// broken reports, at most once a minute, rows that waited for each other and cannot be written together: each is sent
// again, and waits again. It is safe for concurrent use.
type broken struct {
	mu    sync.Mutex
	at    time.Time
	quiet int // rows since
}

func (b *broken) tell(log *zap.Logger, now time.Time, tasks []*task, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.quiet += len(tasks); now.Sub(b.at).Abs() < time.Minute {
		return
	}
	first := tasks[0].in
	log.Warn("rows that wait for each other cannot be written together; they are sent again", zap.String("sender", first.From),
		zap.String("table", first.Table), zap.String("id", change.Shown(first.Key)), zap.Int("rows", b.quiet), zap.Error(err))
	b.at, b.quiet = now, 0
}
