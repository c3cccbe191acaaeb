package job_test

import (
	"fmt"
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// mirror is a table: one job writes it, another one reads it.
type mirror struct{ service }

func (m *mirror) source() *rows {
	var list rows
	for i := range 100 {
		if v, ok := m.has[fmt.Sprint(i)]; ok {
			// A database returns rows in a different form than they were written.
			list = append(list, &record.Record{Key: fmt.Sprint(i), Data: []byte(`{"row":` + v + `}`)})
		}
	}
	return &list
}

// Promise 9.
func TestD13PulledRowsAreNotPushedBack(t *testing.T) {
	w := newWorld(t, job.ModeUpdate) // its service is the outside one
	table := &mirror{service{has: map[string]string{}}}
	var outside rows
	pull := &job.Job{
		Log: zaptest.NewLogger(t), Pause: 1, Ledger: w.Ledger, Name: "pull", Source: &outside, From: job.From{Key: []string{"id"}}, Guard: diff.DefaultGuard,
		Legs: []*job.Leg{{Name: "table", Destination: table, Mode: job.ModeUpdate}},
	}
	w.Legs[0].Brought = []job.Brought{{Job: "pull", Leg: "table"}}
	// both runs the pull, then the push, and returns how many rows were pushed.
	both := func() int {
		t.Helper()
		if _, err := pull.Run(t.Context(), job.Cause{Kind: job.Manual}); err != nil {
			t.Fatal(err)
		}
		w.source = *table.source()
		return w.works()
	}
	outside.put(3, "theirs")
	table.has["7"] = `{"id":7,"v":"ours"}`
	if n := both(); n != 1 || len(w.service.has) != 1 {
		t.Errorf("%d rows were pushed: %v", n, w.service.has)
	}
	if n := both(); n != 0 {
		t.Errorf("%d rows were pushed though nothing has changed", n)
	}
	table.has["1"] = `{"id":1,"v":"ours now"}` // a change that was made here
	if n := both(); n != 1 || w.service.has["1"] != `{"row":{"id":1,"v":"ours now"}}` {
		t.Errorf("%d rows were pushed: %v", n, w.service.has)
	}
	outside[1].Data = []byte(`{"id":1,"v":"theirs again"}`)
	if n := both(); n != 0 || table.has["1"] != `{"id":1,"v":"theirs again"}` {
		t.Errorf("%d rows were pushed back", n)
	}
	if err := w.Ledger.Close(); err != nil {
		t.Fatal(err)
	}
	w.open(job.ModeUpdate) // another process
	w.Legs[0].Brought = []job.Brought{{Job: "pull", Leg: "table"}}
	w.source = *table.source()
	if n := w.works(); n != 0 {
		t.Errorf("after a restart %d rows were pushed", n)
	}
}
