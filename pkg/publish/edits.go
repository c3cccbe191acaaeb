package publish

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Edits are what a schedule table says, by job.
type Edits struct {
	Good map[string]*schedule.Schedule
	Bad  map[string]string // why a row is not understood
}

// Read returns what rows of a schedule table, as JSON objects, mean for jobs. A row without a job is none.
func Read(rows [][]byte, jobs []string, onStart func(job string) bool) Edits {
	e := Edits{map[string]*schedule.Schedule{}, map[string]string{}}
	seen := map[string]bool{}
	for _, data := range rows {
		o, err := record.Object(data)
		if err != nil {
			continue
		}
		name := text(o["Job"])
		switch {
		case name == "":
			continue
		case !slices.Contains(jobs, name):
			e.Bad[name] = "there is no such job"
			continue
		case seen[name]:
			delete(e.Good, name)
			e.Bad[name] = "the table has several rows for it"
			continue
		}
		seen[name] = true
		s, err := entry(o, onStart(name))
		if err != nil {
			e.Bad[name] = err.Error()
			continue
		}
		e.Good[name] = s
	}
	return e
}

// entry is the schedule of a row.
func entry(o map[string]any, onStart bool) (*schedule.Schedule, error) {
	disable, err := truth(o["Disable"])
	if err != nil {
		return nil, err
	}
	at := text(o["Time"])
	if parts := strings.Split(at, ":"); len(parts) == 3 { // a TIME of a database
		at = strings.TrimSuffix(at, ":00")
	}
	e, err := schedule.Published{Time: at, Timezone: text(o["Timezone"]), Run: text(o["Run"]), Disable: disable}.Entry()
	if err != nil {
		return nil, err
	}
	e.OnStart = onStart
	return schedule.Parse(e)
}

// text is a cell as text.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// truth is a checkbox, or what a database has in its place.
func truth(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	switch strings.ToLower(text(v)) {
	case "", "0", "false", "no":
		return false, nil
	case "1", "true", "yes":
		return true, nil
	}
	return false, fmt.Errorf("Disable is %q: use true or false", text(v)) //nolint:staticcheck // the column's name
}
