package daemon

import (
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// How much is told of rows that are refused, or that wait: a line for each client, table
// and reason, and while there are more of them one a minute.
const (
	newsPause = time.Minute
	newsMost  = 1000 // that are remembered. Promise 10.
	shownKey  = 80   // of a row's key, in characters
)

// rowNews gathers what is told of rows. It belongs to one goroutine. Its zero value is ready.
type rowNews struct {
	told map[rowReason]*rowTold
}

// rowReason is what is told of together.
type rowReason struct{ client, table, reason string }

// rowTold is a row of a number of which nothing has been told yet.
type rowTold struct {
	at          time.Time
	rows        int
	id, message string // of the first
}

// add takes in a row.
func (n *rowNews) add(client, table, id, message string) {
	if len(n.told) >= newsMost {
		clear(n.told)
	}
	if n.told == nil {
		n.told = map[rowReason]*rowTold{}
	}
	what := rowReason{client, table, reason(message)}
	t := n.told[what]
	if t == nil {
		t = &rowTold{}
		n.told[what] = t
	}
	if t.rows++; t.rows == 1 {
		t.id, t.message = id, message
	}
}

// tell writes the lines that are due.
func (n *rowNews) tell(log *zap.Logger, level zapcore.Level, what string, now time.Time) {
	for r, t := range n.told {
		if t.rows == 0 || now.Sub(t.at).Abs() < newsPause {
			continue
		}
		fields := []zap.Field{zap.String("table", r.table), zap.Int("rows", t.rows), zap.String("id", change.Shown(t.id)), zap.String("error", t.message)}
		if r.client != "" {
			fields = append([]zap.Field{zap.String("sender", r.client)}, fields...)
		}
		log.Log(level, what, fields...)
		*t = rowTold{at: now}
	}
}

// reason is a message without what is different in each row: values, which are quoted, and
// numbers.
func reason(message string) string {
	var b strings.Builder
	quote := rune(0)
	for _, r := range message {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
			b.WriteRune('…')
		case r >= '0' && r <= '9':
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
