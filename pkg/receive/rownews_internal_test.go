package receive

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Rows are logged as one line per client, table and reason, and then one a minute with the count
// while there are more.
func TestOneLineForEachTableAndReason(t *testing.T) {
	core, seen := observer.New(zap.DebugLevel)
	log, now := zap.New(core), time.Now()
	var n RowNews
	lines := func() string {
		n.Tell(log, zapcore.WarnLevel, "told", now)
		text := ""
		for _, e := range seen.TakeAll() {
			text += fmt.Sprint(e.ContextMap()["rows"], " ")
		}
		return text
	}
	for i := range 500 {
		n.Add("node-a", "orders", fmt.Sprint(i), fmt.Sprintf("row '%d' of %d does not fit", i, i))
	}
	n.Add("node-a", "items", "1", "row '1' of 1 does not fit")
	if got := lines(); got != "500 1 " && got != "1 500 " {
		t.Errorf("first logged: %q", got)
	}
	for i := range 300 {
		n.Add("node-a", "orders", fmt.Sprint(i), fmt.Sprintf("row '%d' of %d does not fit", i, i))
	}
	n.Add("node-a", "orders", "1", "another reason")
	if got := lines(); got != "1 " {
		t.Errorf("logged again at once: %q", got)
	}
	now = now.Add(newsPause)
	if got := lines(); got != "300 " {
		t.Errorf("logged a minute later: %q", got)
	}
	now = now.Add(newsPause)
	if got := lines(); got != "" {
		t.Errorf("logged without news: %q", got)
	}
	for i := range 3 * newsMost {
		n.Add("node-a", "orders", "1", fmt.Sprintf("reason %c%c", 'a'+rune(i%50), 'a'+rune(i/50)))
	}
	if len(n.told) > newsMost {
		t.Errorf("%d reasons are remembered", len(n.told))
	}
}
