package receive

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// What is told of rows is a line for each client, table and reason, and one a minute while
// there are more, with how many.
func TestALineForEachTableAndReason(t *testing.T) {
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
		t.Errorf("first told: %q", got)
	}
	for i := range 300 {
		n.Add("node-a", "orders", fmt.Sprint(i), fmt.Sprintf("row '%d' of %d does not fit", i, i))
	}
	n.Add("node-a", "orders", "1", "another reason")
	if got := lines(); got != "1 " {
		t.Errorf("told at once of what was told: %q", got)
	}
	now = now.Add(newsPause)
	if got := lines(); got != "300 " {
		t.Errorf("told a minute later: %q", got)
	}
	now = now.Add(newsPause)
	if got := lines(); got != "" {
		t.Errorf("told of nothing: %q", got)
	}
	for i := range 3 * newsMost {
		n.Add("node-a", "orders", "1", fmt.Sprintf("reason %c%c", 'a'+rune(i%50), 'a'+rune(i/50)))
	}
	if len(n.told) > newsMost {
		t.Errorf("%d reasons are remembered", len(n.told))
	}
}
