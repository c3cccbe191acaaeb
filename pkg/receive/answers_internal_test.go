package receive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestAnswersForAbsentClientsDisplaceNoOthers: answers for clients that never come, or that somebody invented, give
// way.
func TestAnswersForAbsentClientsDisplaceNoOthers(t *testing.T) {
	t.Parallel()
	var named []string
	for i := range 10 {
		named = append(named, fmt.Sprintf("absent-%d", i))
	}
	for _, many := range []int{6, 20_000} {
		a := NewAnswers(AnswersConfig{Log: zap.NewNop(), Client: "node-a", Named: append(named, "node-b"), Now: time.Now})
		for i := range 100_000 {
			a.Answer(wire.Change{Sender: fmt.Sprintf("absent-%d", i%many), Table: "orders", ID: fmt.Sprint(i)}, strings.Repeat("x", 255))
		}
		if a.all > ackAll || len(a.queued)*ackFrame > ackAll {
			t.Errorf("%d clients: %d bytes in %d answers wait", many, a.all, len(a.queued))
		}
		for i := range 500 { // as many as one of ours has in flight
			a.Answer(wire.Change{Sender: "node-b", Table: "orders", ID: fmt.Sprint(i)}, "")
		}
		if n := len(a.waiting["node-b"]); n < 500 {
			t.Errorf("%d clients: %d answers wait for another", many, n)
		}
		bytes, answers := 0, 0
		for c, list := range a.waiting {
			for _, i := range list {
				bytes, answers = bytes+ackSize(i), answers+1
				if a.queued[rowOf(c, i)] != i {
					t.Fatalf("an answer of %s is not found by its row", c)
				}
			}
		}
		if bytes != a.all || answers != len(a.queued) {
			t.Errorf("%d clients: %d bytes in %d answers wait, counted as %d in %d", many, bytes, answers, a.all, len(a.queued))
		}
	}
}

// TestRowsOfAnswersAreSmall: the rows answered in the last second are remembered, however long their IDs are.
func TestRowsOfAnswersAreSmall(t *testing.T) {
	t.Parallel()
	a, b := wire.Info{Table: "t", ID: strings.Repeat("x", 16<<10)}, wire.Info{Table: strings.Repeat("t", 10<<10), ID: "1"}
	for _, i := range []*wire.Info{&a, &b} {
		if r := rowOf("node-b", i); len(r.table)+len(r.id) > 200 || r != rowOf("node-b", i) {
			t.Errorf("a row takes %d bytes", len(r.table)+len(r.id))
		}
	}
	if rowOf("node-b", &wire.Info{Table: "t", ID: a.ID + "y"}) == rowOf("node-b", &a) {
		t.Error("two rows count as one")
	}
}
