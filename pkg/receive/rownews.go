package receive

import (
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Limits for logging rows that are refused or wait: one line for each client, table and reason, then at most one a
// minute while there are more.
const (
	newsPause  = time.Minute
	newsForget = time.Hour
	newsClient = 30   // reasons of one client; all others count as one
	newsMost   = 1000 // of all clients; those of further ones count as one. Promises 9 and 10.
)

// ShownKey is how much of a row's key is shown, in characters.
const ShownKey = 80

// Others stands for names that are too many to log.
const Others = "*"

// RowNews collects news about rows for the log. It belongs to one goroutine. Its zero value is ready.
type RowNews struct {
	told    map[rowReason]*rowTold
	reasons map[string]int // by client
}

// rowReason identifies rows that are logged together.
type rowReason struct{ client, table, reason string }

// rowTold is the first of a number of rows not logged yet.
type rowTold struct {
	at          time.Time
	rows        int
	id, message string // of the first
}

// Add adds a row. Names that others choose, such as a table's, cannot exceed the bounds on lines.
func (n *RowNews) Add(client, table, id, message string) {
	if n.told == nil {
		n.told, n.reasons = map[rowReason]*rowTold{}, map[string]int{}
	}
	what := rowReason{client, table, reason(message)}
	if n.told[what] == nil && n.reasons[client] >= newsClient {
		what = rowReason{client, Others, ""}
	}
	if n.told[what] == nil && len(n.told) >= newsMost {
		what = rowReason{Others, Others, ""}
	}
	t := n.told[what]
	if t == nil {
		t = &rowTold{}
		n.told[what] = t
		n.reasons[what.client]++
	}
	if t.rows++; t.rows == 1 {
		t.id, t.message = id, message
	}
}

// Tell writes the lines that are due.
func (n *RowNews) Tell(log *zap.Logger, level zapcore.Level, what string, now time.Time) {
	for r, t := range n.told {
		if t.rows == 0 && now.Sub(t.at).Abs() >= newsForget {
			delete(n.told, r)
			if n.reasons[r.client]--; n.reasons[r.client] == 0 {
				delete(n.reasons, r.client)
			}
		}
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

// reason is a message without what differs from row to row: quoted values and numbers.
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
