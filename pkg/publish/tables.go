package publish

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Schema is the JSON Schema of the block publish of a configuration.
//
//go:embed schema.json
var Schema []byte

// Config is the block publish of a configuration.
type Config struct {
	Destination string `koanf:"destination"`
	Overview    string `koanf:"overview"`
	Logs        string `koanf:"logs"`
	Reports     string `koanf:"reports"`
	Schedule    string `koanf:"schedule"`
}

// Beat is how often the heartbeat is written.
const Beat = 30 * time.Minute

// kept is how many rows a log has.
const kept = 1000

// A Table is the source of a published table. Its key is in the field Key.
type Table struct {
	Name string
	Key  string
	rows func(ctx context.Context) ([]row, error)
}

// row is the columns of a row, the key first.
type row []column

type column struct {
	name  string
	value any
}

// Read yields the rows.
func (t *Table) Read(ctx context.Context, _ job.Request, yield func(*record.Record) error) error {
	rows, err := t.rows(ctx)
	if err != nil {
		return err
	}
	var b record.Builder
	for _, r := range rows {
		for _, c := range r {
			if err := b.Add(c.name, c.value); err != nil {
				return fmt.Errorf("write column %s of %s: %w", c.name, t.Name, err)
			}
		}
		key, err := record.Key([]any{r[0].value}, false)
		if err != nil {
			return err
		}
		if err := yield(&record.Record{Key: key, Data: b.Bytes()}); err != nil {
			return err
		}
	}
	return nil
}

// Overview is the heartbeat of a connector.
func Overview(connector string, now func() time.Time) *Table {
	return &Table{Name: "overview", Key: "Connector", rows: func(context.Context) ([]row, error) {
		return []row{{{"Connector", connector}, {"Alive", int64(1)}, {"Timestamp", now().UTC().Truncate(time.Second)}}}, nil
	}}
}

// State is what the tables are made of.
type State interface {
	Runs(ctx context.Context, w ledger.Which) ([]ledger.Run, error)
	Notes(ctx context.Context, limit int) ([]ledger.Note, error)
}

// Logs are the last runs and edits of schedules, the newest first.
func Logs(state func() State) *Table {
	return &Table{Name: "logs", Key: "Id", rows: func(ctx context.Context) ([]row, error) {
		runs, err := ended(ctx, state())
		if err != nil {
			return nil, err
		}
		notes, err := state().Notes(ctx, kept)
		if err != nil {
			return nil, err
		}
		type line struct {
			at  time.Time
			row row
		}
		var lines []line
		for i := range runs {
			r := &runs[i]
			lines = append(lines, line{r.Ended, logRow(fmt.Sprintf("run-%d", r.ID), r.Ended, r.Job, "run "+r.State, said(r))})
		}
		for _, n := range notes {
			lines = append(lines, line{n.At, logRow(fmt.Sprintf("note-%d", n.ID), n.At, n.Subject, n.Event, n.Text)})
		}
		slices.SortStableFunc(lines, func(a, b line) int { return b.at.Compare(a.at) })
		var out []row
		for _, l := range lines[:min(len(lines), kept)] {
			out = append(out, l.row)
		}
		return out, nil
	}}
}

func logRow(id string, at time.Time, job, event, message string) row {
	return row{{"Id", id}, {"Timestamp", at}, {"Job", job}, {"Event", event}, {"Message", short(message)}}
}

// said is what a run has come to, in words.
func said(r *ledger.Run) string {
	text := fmt.Sprintf("%d read, %d sent, %d deleted, %d unchanged, %d refused", r.Read, r.Sent, r.Deleted, r.Unchanged, r.Counters.Refused)
	if r.Error != "" {
		text += "; " + strings.TrimPrefix(r.Stage+": ", ": ") + r.Error
	}
	return text
}

// short bounds a text to what an ordinary column takes.
func short(text string) string {
	if runes := []rune(text); len(runes) > 1000 {
		return string(runes[:999]) + "…"
	}
	return text
}

// Reports are the last run of each report and day, by report and then the newest day first.
func Reports(state func() State) *Table {
	return &Table{Name: "reports", Key: "Id", rows: func(ctx context.Context) ([]row, error) {
		runs, err := ended(ctx, state())
		if err != nil {
			return nil, err
		}
		return reports(runs), nil
	}}
}

// reports are the rows of runs, which are the newest first.
func reports(runs []ledger.Run) []row {
	seen := map[[2]string]bool{}
	var last []*ledger.Run
	for i := range runs {
		r := &runs[i]
		if of := [2]string{r.Job, r.ReportDate}; r.ReportDate != "" && !seen[of] {
			seen[of] = true
			last = append(last, r)
		}
	}
	slices.SortStableFunc(last, func(a, b *ledger.Run) int {
		if a.Job != b.Job {
			return strings.Compare(a.Job, b.Job)
		}
		return strings.Compare(b.ReportDate, a.ReportDate)
	})
	var out []row
	for _, r := range last {
		out = append(out, row{
			{"Id", r.Job + " " + r.ReportDate}, {"Type", r.Job}, {"Date", r.ReportDate}, {"Updated", r.Ended}, {"Result", r.State},
			{"Stage", r.Stage}, {"Count", int64(r.Read)}, {"Message", short(said(r))},
		})
	}
	return out
}

// ended returns the last runs that have ended, the newest first.
func ended(ctx context.Context, state State) ([]ledger.Run, error) {
	runs, err := state.Runs(ctx, ledger.Which{Limit: kept})
	return slices.DeleteFunc(runs, func(r ledger.Run) bool { return r.State == ledger.Running }), err
}
