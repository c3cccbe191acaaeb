package apply

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// lies reports, at most once a minute, changes whose versions claim to know writes that this node never made. It is safe
// for concurrent use.
type lies struct {
	mu    sync.Mutex
	at    time.Time
	quiet int
}

func (l *lies) tell(log *zap.Logger, now time.Time, table string, in *Incoming) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet++; now.Sub(l.at).Abs() < time.Minute {
		return
	}
	log.Warn("changes claim to know writes that this node never made; the rows they replace are kept",
		zap.String("sender", in.From), zap.String("origin", in.Version.Origin), zap.String("table", table), zap.String("id", change.Shown(in.Key)), zap.Int("rows", l.quiet))
	l.at, l.quiet = now, 0
}
