package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// points is the second leg's script: it makes one row from each form.
const points = `module.exports = ({entity, date}) => ({date: entity.date, sku: entity.sku, series: "sales", day: date, value: entity.units});
`

// sales is an API of reports, tables for them and the points made of them, and a configuration.
func sales(t *testing.T) (*standin.Pages, *mysqldb.DB, string) {
	t.Helper()
	p := standin.NewPages("t-12345", 2)
	t.Cleanup(p.Close)
	db := testkit.Schema(t, `CREATE TABLE sales (date DATE, sku VARCHAR(20), type VARCHAR(20), units INT, PRIMARY KEY (date, sku))`,
		`CREATE TABLE points (date DATE, sku VARCHAR(20), series VARCHAR(40), day DATE, value INT, PRIMARY KEY (date, sku))`)
	lake := map[string]any{"type": "mysql"}
	maps.Copy(lake, testkit.Shared(t).Keys(db.Name))
	file := write(t, "connector.yaml", map[string]any{
		"sources":      map[string]any{"amazon": map[string]any{"type": "http", "url": p.URL, "auth": map[string]any{"bearer": "t-12345"}}},
		"destinations": map[string]any{"lake": lake},
		"jobs": map[string]any{"sales": map[string]any{
			"from": map[string]any{"source": "amazon", "path": "/reports/{typeId}?date={date}", "rows": "$.rows[*]", "key": []string{"date", "sku"}},
			"to": []any{
				map[string]any{"destination": "lake", "table": "sales"},
				map[string]any{"destination": "lake", "table": "points", "transform": "points.js"},
			},
			"schedule": map[string]any{"daily": "07:30", "zone": "-07:00"},
			"report":   map[string]any{"typeId": "GET_SALES", "offsetDays": -1, "repeatAfterDays": 21},
		}},
	})
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "points.js"), []byte(points), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, db, file
}

// sold is a row of a report.
func sold(date, sku string, units int) string {
	return fmt.Sprintf(`{"type":"GET_SALES","date":%q,"sku":%q,"units":%d}`, date, sku, units)
}

// yesterday is the date of today's report.
func yesterday() string {
	return time.Now().In(time.FixedZone("", -7*60*60)).AddDate(0, 0, -1).Format(time.DateOnly)
}

// paths returns the paths requested from an API.
func paths(p *standin.Pages) (list []string) {
	for _, r := range p.Requests() {
		list = append(list, r.Path)
	}
	return list
}

// listed returns what a command prints.
func listed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := execute(t, args...)
	if err != nil {
		t.Errorf("%v: %v", args, err)
	}
	return out
}

func TestR15R16R21AReportGoesToTwoTables(t *testing.T) {
	t.Parallel()
	p, db, file := sales(t)
	day := yesterday()
	p.Set(sold(day, "a", 3), sold(day, "b", 4), sold("2026-01-01", "a", 9))
	if out, err := once(t, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := fmt.Sprint(paths(p)); got != "[/reports/GET_SALES?date="+day+"]" {
		t.Errorf("requested %s", got)
	}
	if got, want := fmt.Sprint(texts(t, db, "SELECT CONCAT(date, ' ', sku, ' ', units) FROM sales ORDER BY 1")), fmt.Sprintf("[%s a 3 %s b 4]", day, day); got != want {
		t.Errorf("the table has %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(texts(t, db, "SELECT CONCAT(series, ' ', sku, ' ', day, ' ', value) FROM points ORDER BY 1")), fmt.Sprintf("[sales a %s 3 sales b %s 4]", day, day); got != want {
		t.Errorf("the points are %s, want %s", got, want)
	}
	// Another day, on request.
	listed(t, "backfill", file, "sales", "--date", "2026-01-01")
	if got := texts(t, db, "SELECT units FROM sales WHERE date = '2026-01-01'"); len(got) != 1 || got[0] != "9" {
		t.Errorf("for that day the table has %v", got)
	}
	if _, err := execute(t, "backfill", file, "sales", "--date", "1.1.2026"); err == nil || !strings.Contains(err.Error(), "is not a date: write it as") {
		t.Error(err)
	}
}

// later makes a connector's state what it will be some days later.
func later(t *testing.T, file string, days int) {
	t.Helper()
	db, err := sql.Open("sqlite", stateFile(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE runs SET started = started - ?1 * 86400000, ended = ended - ?1 * 86400000, report_date = date(report_date, '-' || ?1 || ' days')`, days); err != nil {
		t.Fatal(err)
	}
}

func TestR17AReportIsRequestedOnceMore(t *testing.T) {
	t.Parallel()
	p, db, file := sales(t)
	today := yesterday()
	first, err := time.Parse(time.DateOnly, today)
	if err != nil {
		t.Fatal(err)
	}
	day := first.AddDate(0, 0, -20).Format(time.DateOnly)
	p.Set(sold(today, "a", 1))
	if out, err := once(t, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	later(t, file, 20)
	p.Set(sold(today, "a", 1), sold(day, "a", 2), sold(day, "b", 1))
	run := func(want ...string) {
		t.Helper()
		before := len(p.Requests())
		if out, err := once(t, file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := fmt.Sprint(paths(p)[before:]); got != fmt.Sprint(want) {
			t.Errorf("requested %s, want %v", got, want)
		}
	}
	of := func(date string) string { return "/reports/GET_SALES?date=" + date }
	run(of(today), of(day))
	run(of(today)) // once is enough
	if got := fmt.Sprint(texts(t, db, "SELECT CONCAT(sku, ' ', units) FROM sales WHERE date = '"+day+"' ORDER BY 1")); got != "[a 2 b 1]" {
		t.Errorf("for the repeated day the table has %s", got)
	}
	if out := listed(t, "runs", file, "--json"); strings.Count(out, `"kind":"repeat"`) != 1 || !strings.Contains(out, `"reportDate":"`+day+`","repeats":1`) {
		t.Errorf("the runs are\n%s", out)
	}
}

func TestR18R19R20R22AFailedReportIsListedAndRetried(t *testing.T) {
	t.Parallel()
	p, db, file := sales(t)
	day := yesterday()
	p.Set(sold("2026-01-01", "a", 9))
	open := func(want string) {
		t.Helper()
		out := listed(t, "runs", file, "--open", "--json")
		if (want == "") != (out == "") || strings.Count(out, "\n") > 1 || !strings.Contains(out, want) {
			t.Errorf("failed reports are\n%s\nwant %s", out, want)
		}
	}
	const empty = `"stage":"empty","error":"the report of `
	if out, err := once(t, file); err == nil || !strings.Contains(out, "the report of "+day+" is empty") {
		t.Errorf("an empty report: %v\n%s", err, out)
	}
	open(empty + day)
	if out := listed(t, "runs", file, "--open"); !strings.Contains(out, "manual of "+day) || !strings.Contains(out, "empty: the report of "+day) {
		t.Errorf("the list is\n%s", out)
	}
	if _, err := execute(t, "retry", file, "sales"); err == nil {
		t.Error("the retry of a still empty report did not fail")
	}
	open(empty + day) // one failure per date is enough
	p.Accept("another")
	if _, err := execute(t, "retry", file, "sales"); err == nil {
		t.Error("the retry of a refused report did not fail")
	}
	open(`"stage":"read","error":"read page 1 of /reports/{typeId}: `)
	p.Accept("t-12345")
	p.Set(sold(day, "a", 3))
	listed(t, "retry", file, "sales")
	open("")
	if got := texts(t, db, "SELECT units FROM sales WHERE date = '"+day+"'"); len(got) != 1 {
		t.Errorf("for that day the table has %v", got)
	}
}

func TestR19AClearedReportRunsInTheNextSlot(t *testing.T) {
	t.Parallel()
	p, _, file := sales(t)
	today := yesterday()
	first, err := time.Parse(time.DateOnly, today)
	if err != nil {
		t.Fatal(err)
	}
	day := first.AddDate(0, 0, -2).Format(time.DateOnly)
	p.Set(sold("2026-01-01", "a", 9))
	if out, err := once(t, file); err == nil {
		t.Fatalf("an empty report counts as none\n%s", out)
	}
	later(t, file, 2)
	p.Set(sold(today, "a", 1), sold(day, "a", 2))
	of := func(date string) string { return "/reports/GET_SALES?date=" + date }
	for _, want := range [][]string{{of(today)}, {of(today), of(day)}, {of(today)}} {
		before := len(p.Requests())
		if out, err := once(t, file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := fmt.Sprint(paths(p)[before:]); got != fmt.Sprint(want) {
			t.Errorf("requested %s, want %v", got, want)
		}
		listed(t, "clear", file, "sales", "--date", day)
	}
}

func TestR19ARunningConnectorRetriesAndClears(t *testing.T) {
	t.Parallel()
	p, db, file := sales(t)
	day := yesterday()
	p.Set(sold("2026-01-01", "a", 9))
	running(t, file)
	if _, err := execute(t, "run", file, "sales"); command.ExitCode(err) != command.ExitFailed || !strings.Contains(err.Error(), "the report of "+day+" is empty") {
		t.Errorf("an empty report: %v", err)
	}
	if out := listed(t, "clear", file, "sales"); out != "sales is cleared\n" {
		t.Error(out)
	}
	if out := listed(t, "runs", file, "--open", "--json"); out != "" {
		t.Errorf("after the clearing: %s", out)
	}
	if _, err := execute(t, "retry", file, "sales", "--date", "yesterday"); command.ExitCode(err) != command.ExitUsage || !strings.Contains(err.Error(), `"yesterday" is not a date`) {
		t.Error(err)
	}
	if _, err := execute(t, "clear", file, "sales", "--date", "27.11."); command.ExitCode(err) != command.ExitUsage {
		t.Errorf("an invalid date was cleared: %v", err)
	}
	p.Set(sold(day, "a", 3))
	listed(t, "retry", file, "sales") // including cleared ones
	listed(t, "retry", file, "sales", "--date", day)
	if got := texts(t, db, "SELECT units FROM sales WHERE date = '"+day+"'"); len(got) != 1 || len(p.Requests()) != 3 {
		t.Errorf("the table has %v after %d requests", got, len(p.Requests()))
	}
}
