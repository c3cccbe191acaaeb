package receive

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestQuestionsTakeTurns: a client with many questions holds up only itself, and a repeated question is answered once.
func TestQuestionsTakeTurns(t *testing.T) {
	t.Parallel()
	q := NewQuestions([]string{"node-a", "node-b"})
	taken := 0
	for i := range 1000 {
		if q.Put("node-a", "", wire.Question{ID: uint64(i)}, 100) {
			taken++
		}
	}
	if taken != questionsMost {
		t.Errorf("%d questions of one client wait", taken)
	}
	for range 3 {
		if !q.Put("node-b", "", wire.Question{ID: 7}, 100) {
			t.Error("another client finds no room")
		}
	}
	order := ""
	var ends []func()
	for range 2 { // two are answered at a time, and never two of one client
		x, done, ok := q.Next(t.Context())
		order, ends = order+fmt.Sprint(x.From, " ", x.ID, ", "), append(ends, done)
		if !ok {
			t.Fatal("there is no question")
		}
	}
	if _, _, ok := q.take(); ok {
		t.Error("a client gets two turns at a time")
	}
	q.Put("node-b", "", wire.Question{ID: 7}, 100) // it is being answered
	for _, done := range ends {
		done()
	}
	x, _, _ := q.Next(t.Context())
	if order += fmt.Sprint(x.From, " ", x.ID); order != "node-a 0, node-b 7, node-a 1" {
		t.Errorf("turns: %s", order)
	}
	if _, _, ok := q.take(); ok {
		t.Error("a repeated question is answered twice")
	}
}

// TestQuestionsAreBounded by bytes per client; unlisted clients share one budget.
func TestQuestionsAreBounded(t *testing.T) {
	t.Parallel()
	q := NewQuestions([]string{"node-a"})
	id := uint64(0)
	put := func(from string, bytes int) bool {
		id++
		return q.Put(from, "", wire.Question{ID: id}, bytes)
	}
	for _, c := range []struct {
		from  string
		bytes int
		want  bool
	}{
		{"node-a", 2 * questionsBytes, true}, {"node-a", 1, false}, {"x1", questionsBytes - 10, true}, {"x2", 11, false}, {"x3", 10, true}, {"x4", 1, false},
	} {
		if got := put(c.from, c.bytes); got != c.want {
			t.Errorf("%d bytes of %s: %t", c.bytes, c.from, got)
		}
	}
}
