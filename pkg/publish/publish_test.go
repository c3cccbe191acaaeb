package publish

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.FixedZone("", -7*3600))

// all returns the rows of a table.
func all(t *testing.T, table *Table) (list []string) {
	t.Helper()
	if err := table.Read(t.Context(), job.Request{}, func(r *record.Record) error {
		list = append(list, string(r.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestR09TheHeartbeatIsInGMT(t *testing.T) {
	t.Parallel()
	rows := all(t, Overview("c-7", func() time.Time { return noon }))
	if len(rows) != 1 || rows[0] != `{"Connector":"c-7","Alive":1,"Timestamp":"2026-11-27T19:00:00.000Z"}` {
		t.Errorf("%v", rows)
	}
}

type state struct {
	runs  []ledger.Run
	notes []ledger.Note
}

func (s state) Runs(context.Context, ledger.Which) ([]ledger.Run, error) { return s.runs, nil }

func (s state) Notes(context.Context, int) ([]ledger.Note, error) { return s.notes, nil }

func TestR10TheLogHasRunsAndEditsNewestFirst(t *testing.T) {
	t.Parallel()
	s := state{
		[]ledger.Run{
			{ID: 9, Job: "orders", State: ledger.Running},
			{ID: 8, Job: "orders", State: ledger.Failed, Ended: noon.Add(2 * time.Minute), Failure: ledger.Failure{Stage: "read", Error: strings.Repeat("ä", 2000)}},
			{ID: 7, Job: "orders", State: ledger.Done, Ended: noon, Counters: ledger.Counters{Read: 3, Sent: 1, Unchanged: 2}},
		},
		[]ledger.Note{{ID: 1, Subject: "orders", Event: "schedule", Text: "daily 07:30 (-07:00)", At: noon.Add(time.Minute)}},
	}
	rows := all(t, Logs(func() State { return s }))
	if len(rows) != 3 || !strings.Contains(rows[0], `"run-8"`) || !strings.Contains(rows[0], `"run failed"`) || !strings.HasSuffix(rows[0], `ä…"}`) || len([]rune(rows[0])) > 1200 ||
		rows[1] != `{"Id":"note-1","Timestamp":"2026-11-27T19:01:00.000Z","Job":"orders","Event":"schedule","Message":"daily 07:30 (-07:00)"}` ||
		rows[2] != `{"Id":"run-7","Timestamp":"2026-11-27T19:00:00.000Z","Job":"orders","Event":"run done","Message":"3 read, 1 sent, 0 deleted, 2 unchanged, 0 refused"}` {
		t.Errorf("%v", rows)
	}
}

func TestR11ReportsAreGroupedByTypeNewestFirst(t *testing.T) {
	t.Parallel()
	report := func(id int64, job, date, state string) ledger.Run {
		return ledger.Run{ID: id, Job: job, ReportDate: date, State: state, Ended: noon.Add(time.Duration(id))}
	}
	s := state{runs: []ledger.Run{
		report(6, "sales", "2026-11-25", "done"), report(5, "returns", "2026-11-26", "done"), report(4, "orders", "", "done"),
		report(3, "sales", "2026-11-26", "done"), report(2, "sales", "2026-11-25", "failed"), report(1, "returns", "2026-11-27", "failed"),
	}}
	rows := all(t, Reports(func() State { return s }))
	want := []string{`"returns 2026-11-27","Type":"returns"`, `"returns 2026-11-26"`, `"sales 2026-11-26"`, `"sales 2026-11-25"`}
	if len(rows) != len(want) {
		t.Fatalf("%v", rows)
	}
	for i, w := range want {
		if !strings.Contains(rows[i], w) {
			t.Errorf("row %d: got %s, want %s", i, rows[i], w)
		}
	}
	if !strings.Contains(rows[3], `"Result":"done"`) || !strings.Contains(rows[0], `"Result":"failed"`) {
		t.Errorf("%v", rows)
	}
}

func TestR13RowsOfAScheduleTable(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		`{"Job":"orders","Time":"07:30","Run":"Daily"}`:                                                "daily 07:30 (-07:00)",
		`{"Job":"orders","Time":"07:30:00","Timezone":2,"Run":"daily"}`:                                "daily 07:30",
		`{"Job":" orders ","Time":"Fri 18:00","Timezone":"Europe/Berlin","Run":"Weekly","Disable":""}`: "weekly Fri 18:00 (Europe/Berlin)",
		`{"Job":"orders","Time":"00:30","Run":"Interval","Disable":0}`:                                 "every 00:30",
		`{"Job":"orders","Time":"07:30","Run":"Daily","Disable":true}`:                                 "disabled",
		`{"Job":"orders","Time":"07:30","Run":"Daily","Disable":"1"}`:                                  "disabled",
		`{"Job":"orders","Time":"25:30","Run":"Daily"}`:                                                "!",
		`{"Job":"orders","Time":"","Run":"Daily"}`:                                                     "!",
		`{"Job":"orders","Time":"00:00","Run":"Interval"}`:                                             "!",
		`{"Job":"orders","Time":"07:30","Run":"Hourly"}`:                                               "!",
		`{"Job":"orders","Time":"07:30","Run":"Daily","Timezone":"Mars"}`:                              "!",
		`{"Job":"orders","Time":"07:30","Run":"Daily","Disable":"maybe"}`:                              "!",
		`{"Job":"ordres","Time":"07:30","Run":"Daily"}`:                                                "!",
		`{"Time":"07:30"}`: "",
		`[]`:               "",
	} {
		e := Read([][]byte{[]byte(row)}, []string{"orders"}, func(string) bool { return false })
		got := ""
		if s := e.Good["orders"]; s != nil {
			got = s.String()
		}
		if want == "!" && len(e.Bad) != 1 || want != "!" && len(e.Bad) > 0 || want != "!" && !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, %v", row, got, e.Bad)
		}
	}
	twice := []byte(`{"Job":"orders","Time":"07:30","Run":"Daily"}`)
	if e := Read([][]byte{twice, twice}, []string{"orders"}, func(string) bool { return true }); len(e.Good) > 0 || e.Bad["orders"] == "" {
		t.Errorf("%+v", e)
	}
}
