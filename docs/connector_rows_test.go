package docs

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// updateRows rewrites the table, in "make docs".
var updateRows = flag.Bool("update", false, "write docs/connector-rows.md from the tests' names")

// rows are what the connector takes over from other programs, each with a program's letter: Fliplet
// Agent (F), DataCollect's External Sync (D), a data sync application for reports (R), and
// connectors that keep their state in S3 (B).
var rows = [][2]string{
	{"F01", "a YAML configuration of Fliplet Agent runs unchanged"},
	{"F02", "a JavaScript configuration of Fliplet Agent runs unchanged"},
	{"F03", "MySQL, SQLite, PostgreSQL and SQL Server; values have one form"},
	{"F04", "the token's first letters name the region"},
	{"F05", "the token is checked first; 401 ends without a write"},
	{"F06", "only what differs is committed, with the original's bodies"},
	{"F07", "without a primary column each run appends"},
	{"F08", "keys are compared by their text, optionally without case"},
	{"F09", "the first of several rows with one key counts"},
	{"F10", "a timestamp column says which rows are updated"},
	{"F11", "a delete column deletes"},
	{"F12", "update keeps other rows, replace deletes them, within a guard"},
	{"F13", "merge keeps columns that only Fliplet has"},
	{"F14", "hooks run for inserts and updates"},
	{"F15", "batch size and concurrency"},
	{"F16", "failed requests are retried, and limits kept"},
	{"F17", "a dry run sends nothing"},
	{"F18", "runs on start and at a frequency"},
	{"F19", "no two runs of a job at once"},
	{"F20", "the description is in the log; the log's level"},
	{"F21", "all mistakes are reported before anything is written"},
	{"F22", "files of a column are uploaded"},
	{"F23", "columns are encrypted"},
	{"F24", "entries are pulled into a table"},
	{"F25", "installed as a service"},
	{"F26", "the version is shown"},
	{"D01", "the block externalSync works unchanged"},
	{"D02", "unknown types are refused; own adapters can be added"},
	{"D03", "an unusable adapter is reported before a run"},
	{"D04", "events are pushed to the mock sync server in batches"},
	{"D05", "events are pulled from it"},
	{"D06", "events are pushed to OpenFn"},
	{"D07", "events are pulled from OpenFn"},
	{"D08", "each status of OpenFn is understood"},
	{"D09", "kinds of authentication, none of them printed"},
	{"D10", "events with one timestamp all arrive, even if a batch fails"},
	{"D11", "repeating a pull does no harm"},
	{"D12", "pushes and pulls have separate positions"},
	{"D13", "pulled events are not pushed back"},
	{"D14", "pull before push"},
	{"D15", "a run's result, progress and cancellation"},
	{"D16", "a service's health is checked"},
	{"D17", "each adapter has a schema"},
	{"D18", "the log holds no secrets"},
	{"D19", "metrics of runs, and a log of them"},
	{"D20", "a page and an API start jobs and report failures"},
	{"R01", "HTTP APIs as sources"},
	{"R02", "Airtable as a destination, within its limits"},
	{"R03", "MongoDB as a destination"},
	{"R04", "a connector resumes after a restart"},
	{"R05", "peers report when one is offline"},
	{"R06", "a report that fails for a day raises an alert"},
	{"R07", "alerts go to Slack and webhooks"},
	{"R08", "Hello world, health and readiness"},
	{"R09", "a heartbeat in a table"},
	{"R10", "a table of logs"},
	{"R11", "a table of reports"},
	{"R12", "daily, weekly and interval schedules in any zone"},
	{"R13", "schedules are edited in a table"},
	{"R14", "a second process is refused"},
	{"R15", "types of reports and their settings"},
	{"R16", "a report has its occurrence's date in its zone"},
	{"R17", "a report is repeated after some days"},
	{"R18", "failed reports have a stage"},
	{"R19", "a failed report is retried"},
	{"R20", "an empty report counts as failed"},
	{"R21", "a second destination with rows in its own form"},
	{"R22", "error, request and stage in one view"},
	{"B01", "each connector has its own state file"},
	{"B02", "a copy's key comes from a template"},
	{"B03", "a start uploads a copy that is missing or older than a day"},
	{"B04", "and so does a running connector"},
	{"B05", "a copy is consistent while rows are written"},
	{"B06", "a failed upload stops nothing"},
	{"B07", "an empty state is restored automatically, on one machine"},
	{"B08", "one command restores a state, unless it is newer"},
	{"B09", "a copy is restored as another connector's"},
	{"B10", "restored jobs are paused"},
	{"B11", "a configuration changes, and a job runs, without a restart"},
	{"B12", "a connector has a name and tags"},
	{"B13", "old copies expire; all are encrypted, listed and verified"},
}

// partly says what a row still lacks although tests are named for it.
var partly = map[string]string{}

// named matches names of tests that name rows.
var named = regexp.MustCompile(`(?m)^func (Test\w*[FDRB][0-9]{2}\w*)\(t `)

// tests returns the tests by row.
func tests(t *testing.T) map[string][]string {
	t.Helper()
	byRow := map[string][]string{}
	for _, folder := range []string{"../pkg", "../cmd", "../deploy"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range named.FindAllSubmatch(text, -1) {
				name := string(m[1])
				for _, row := range regexp.MustCompile(`[FDRB][0-9]{2}`).FindAllString(name, -1) {
					byRow[row] = append(byRow[row], fmt.Sprintf("`%s` (%s)", name, strings.TrimPrefix(filepath.Dir(path), "../")))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return byRow
}

func TestDocumentation(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# What the connector does, and the test of it

<!-- Generated from the tests' names by ` + "`make docs`" + `. -->

The connector does what four other programs do: Fliplet Agent (F), the External Sync of DataCollect (D), an application
that loads reports into Airtable and MongoDB (R), and connectors that keep their state in S3 (B). Each of their features has
a number, which is in the names of its tests.

| | what | tests |
|---|---|---|
`)
	byRow := tests(t)
	missing := 0
	for _, r := range rows {
		list := byRow[r[0]]
		slices.Sort(list)
		said := strings.Join(slices.Compact(list), ", ")
		if said == "" {
			said = "no test with that name yet"
			missing++
		}
		if lacks := partly[r[0]]; lacks != "" {
			said = "in part (" + lacks + "): " + said
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r[0], r[1], said)
	}
	if missing > 0 {
		fmt.Fprintf(&b, "\n%d of %d have no test of their name yet: most of these are not built.\n", missing, len(rows))
	}
	if *updateRows {
		if err := os.WriteFile("connector-rows.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("connector-rows.md"); err != nil || string(got) != b.String() {
		t.Errorf("docs/connector-rows.md differs from the tests' names (%v); run make docs", err)
	}
}
