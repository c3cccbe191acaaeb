package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// board is a destination with published tables, as seen by a test.
type board struct {
	destination map[string]any
	rows        func(table string) []map[string]any
	edit        func(values map[string]any) // of the only row of the schedule table
}

// columns are the tables' columns.
var columns = map[string][]string{
	"Overview": {"Connector", "Alive", "Timestamp"}, "Logs": {"Id", "Timestamp", "Job", "Event", "Message"},
	"Reports": {"Id", "Type", "Date", "Updated", "Result", "Stage", "Count", "Message"}, "Automations": {"Job", "Time", "Timezone", "Run", "Disable"},
}

func airtableBoard(t *testing.T) board {
	t.Helper()
	s := standin.NewAirtable("pat-1", "appX")
	t.Cleanup(s.Close)
	for name, fields := range columns {
		kinds := map[string]string{}
		for _, f := range fields {
			kinds[f] = standin.AirtableText
		}
		s.Table(name, kinds)
	}
	call := func(method, path string, body any) {
		text, _ := json.Marshal(body)
		r, _ := http.NewRequestWithContext(t.Context(), method, s.URL+"/v0/appX/Automations"+path, strings.NewReader(string(text)))
		r.Header.Set("Authorization", "Bearer pat-1")
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
		_ = answer.Body.Close()
	}
	call(http.MethodPost, "", map[string]any{"records": []any{map[string]any{"fields": map[string]any{"Job": "users", "Time": "07:30", "Run": "Daily"}}}})
	return board{
		map[string]any{"type": "airtable", "token": "pat-1", "base": "appX", "baseURL": s.URL},
		func(table string) (list []map[string]any) {
			for _, r := range s.Records(table) {
				list = append(list, r.Fields)
			}
			return list
		},
		func(values map[string]any) {
			call(http.MethodPatch, "", map[string]any{"records": []any{map[string]any{"id": s.Records("Automations")[0].ID, "fields": values}}})
		},
	}
}

func databaseBoard(t *testing.T) board {
	t.Helper()
	db := testkit.Schema(t, "CREATE TABLE Overview (Connector VARCHAR(64) PRIMARY KEY, Alive INT, Timestamp DATETIME)",
		"CREATE TABLE Logs (Id VARCHAR(64) PRIMARY KEY, Timestamp DATETIME(3), Job VARCHAR(64), Event VARCHAR(64), Message TEXT)",
		"CREATE TABLE Reports (Id VARCHAR(100) PRIMARY KEY, Type VARCHAR(64), Date DATE, Updated DATETIME(3), Result VARCHAR(64), Stage VARCHAR(64), Count INT, Message TEXT)",
		"CREATE TABLE Automations (Job VARCHAR(64) PRIMARY KEY, Time TIME, Timezone VARCHAR(64), Run VARCHAR(20), Disable BOOLEAN)",
		"INSERT INTO Automations VALUES ('users', '07:30', NULL, 'Daily', FALSE)")
	server := testkit.Shared(t)
	return board{
		map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name},
		func(table string) (list []map[string]any) {
			rows, err := db.Queryx("SELECT * FROM " + table)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				r := map[string]any{}
				if err := rows.MapScan(r); err != nil {
					t.Fatal(err)
				}
				for k, v := range r {
					if b, ok := v.([]byte); ok {
						r[k] = string(b)
					}
				}
				list = append(list, r)
			}
			return list
		},
		func(values map[string]any) {
			for name, v := range values {
				if _, err := db.ExecContext(t.Context(), "UPDATE Automations SET `"+name+"` = ?", v); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
}

// The published tables in Airtable, and in a database: the heartbeat, the log of runs and edits, the reports, and the
// schedule, which people edit while the connector runs.
func TestR09R10R11R13PublishedTables(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) board{"airtable": airtableBoard, "mysql": databaseBoard} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			_, given := sample(t)
			configuration := ownOf(given)
			configuration["connector"] = map[string]any{"id": "c-7"}
			configuration["destinations"].(map[string]any)["crm"] = b.destination
			configuration["publish"] = map[string]any{"destination": "crm", "overview": "Overview", "logs": "Logs", "reports": "Reports", "schedule": "Automations"}
			users := configuration["jobs"].(map[string]any)["users"].(map[string]any)
			users["schedule"] = map[string]any{"daily": "05:00", "onStart": true}
			users["report"] = map[string]any{}
			users["to"].(map[string]any)["mode"] = "update"
			file := write(t, "connector.json", configuration)
			if out, err := execute(t, "start", file, "--test"); err != nil || len(b.rows("Overview")) > 0 {
				t.Fatalf("dry run: %s, %v", out, err)
			}
			end := running(t, file)
			sees(t, "the heartbeat", func() bool {
				rows := b.rows("Overview")
				return len(rows) == 1 && rows[0]["Connector"] == "c-7" && fmt.Sprint(rows[0]["Alive"]) == "1" && rows[0]["Timestamp"] != nil
			})
			logged := func(event, part string) int {
				n := 0
				for _, r := range b.rows("Logs") {
					if r["Event"] == event && r["Job"] == "users" && strings.Contains(fmt.Sprint(r["Message"]), part) {
						n++
					}
				}
				return n
			}
			schedule := func() string {
				s, err := api.NewClient(connector.Socket(stateFile(file))).Status(t.Context())
				if err != nil {
					return err.Error()
				}
				return s.Jobs[0].Schedule
			}
			sees(t, "the run in the log", func() bool { return logged("run done", "2 read, 2 sent") == 1 })
			sees(t, "the edit in the log", func() bool { return logged("schedule", "daily 07:30") == 1 })
			b.edit(map[string]any{"Time": "09:15", "Timezone": "Europe/Berlin"})
			sees(t, "the next edit", func() bool {
				return logged("schedule", "daily 09:15 (Europe/Berlin) and on start") == 1 && strings.HasPrefix(schedule(), "daily 09:15 (Europe/Berlin)")
			})
			b.edit(map[string]any{"Run": "Sometimes"})
			sees(t, "the refused edit", func() bool { return logged("schedule refused", "Daily, Weekly or Interval") == 1 })
			if got := schedule(); !strings.HasPrefix(got, "daily 09:15") {
				t.Errorf("after a bad edit: %s", got)
			}
			b.edit(map[string]any{"Run": "Interval", "Time": "00:45"})
			sees(t, "an interval", func() bool { return strings.HasPrefix(schedule(), "every 00:45") })
			if _, err := execute(t, "backfill", file, "users", "--date", "2026-11-26"); err != nil {
				t.Error(err)
			}
			sees(t, "the report", func() bool {
				for _, r := range b.rows("Reports") {
					if r["Id"] == "users 2026-11-26" && r["Type"] == "users" && r["Result"] == "done" {
						return true
					}
				}
				return false
			})
			if n := logged("schedule refused", ""); n != 1 {
				t.Errorf("a bad edit was logged %d times", n)
			}
			end()
			if out, err := execute(t, "runs", file); err != nil || strings.Contains(out, "publish") {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
}
