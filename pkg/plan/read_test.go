package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// kinds are a source of files and a destination of stones.
var kinds = plan.Kinds{
	Sources: []plan.Kind{{
		Block: []byte(`{"type": "object", "properties": {"type": {"type": "string", "enum": ["files"]}, "folder": {"type": "string"}}}`),
		Use:   []byte(`{"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "description": "Which."}}}`),
	}},
	Destinations: []plan.Kind{{Block: []byte(`{"type": "object", "properties": {"type": {"type": "string", "enum": ["stones"]}}}`)}},
}

func read(t *testing.T, text string, environ ...string) (*plan.Plan, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Read(file, environ, kinds)
	return p, err
}

const whole = `
sources: {shelf: {type: files, folder: "${FOLDER}"}}
destinations: {wall: {type: stones}}
jobs:
  second:
    from: {source: shelf, name: b, key: [x, y], watermark: at, overlap: 1h30m, full: "0 4 * * *"}
    transform: all.js
    to: [{destination: wall}, {destination: wall, mode: replace, transform: own.js}]
    schedule: {daily: "07:30", zone: Europe/Berlin, ifRunning: skip}
    guard: {percent: 5}
  first:
    from: {source: shelf, name: a}
    to: {destination: wall}
`

func TestAPlanFollowsTheFile(t *testing.T) {
	t.Parallel()
	p, err := read(t, whole, "FOLDER=/srv", "MYSQLSYNC_CONNECTOR_LOGGINGLEVEL=debug")
	if err != nil {
		t.Fatal(err)
	}
	if p.Sources["shelf"].Type != "files" || p.Sources["shelf"].Settings["folder"] != "/srv" || p.Level != "debug" || len(p.Jobs) != 2 {
		t.Fatalf("%+v", p)
	}
	first, second := p.Jobs[0], p.Jobs[1]
	if first.Name != "first" || !first.Schedule.OnStart || first.To[0].Mode != job.ModeAppend || first.Guard.Percent != 20 || first.From.Settings["name"] != "a" {
		t.Errorf("%+v", first)
	}
	if second.From.Overlap != 90*time.Minute || second.From.Full != "0 4 * * *" || len(second.From.Rows.Key) != 2 || !second.Skip || second.CatchUp != 24*time.Hour || second.Guard.Percent != 5 || second.Guard.Rows != 20 {
		t.Errorf("%+v", second)
	}
	if all, own := second.To[0], second.To[1]; filepath.Base(all.Transform) != "all.js" || !filepath.IsAbs(all.Transform) || all.Mode != job.ModeUpdate || filepath.Base(own.Transform) != "own.js" || own.Mode != job.ModeReplace {
		t.Errorf("%+v", second.To)
	}
}

func TestAMistakeInAJobHasItsLine(t *testing.T) {
	t.Parallel()
	p, err := read(t, whole, "FOLDER=/srv")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"from.name: is wrong": "jobs.first.from.name", "is wrong: so it is": "jobs.first"} {
		m := p.Mistake("jobs.first", errorText(text))
		if m.Key != want || m.Line < 11 || m.Line > 12 {
			t.Errorf("%q is at %s, line %d", text, m.Key, m.Line)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestAPageReachableFromOutsideNeedsAToken(t *testing.T) {
	t.Parallel()
	for listen, wrong := range map[string]bool{"127.0.0.1:8485": false, "localhost:1": false, "[::1]:1": false, "0.0.0.0:1": true, ":1": true, "192.0.2.1:1": true, "example.com:1": true} {
		for _, token := range []string{"", "a token that is long enough"} {
			_, err := read(t, whole+`http: {listen: "`+listen+`", token: "`+token+`"}`, "FOLDER=/srv")
			if got := err != nil; got != (wrong && token == "") {
				t.Errorf("%s with token %q: %v", listen, token, err)
			}
		}
	}
}

// A mistake in the schedule's zone is no mistake of full, whose own is named alone.
func TestFullDoesNotRepeatTheMistakeOfTheZone(t *testing.T) {
	t.Parallel()
	_, err := read(t, strings.NewReplacer("0 4 * * *", "61 * * * *", "Europe/Berlin", "Europe/Berln").Replace(whole), "FOLDER=/srv")
	mistakes, _ := errors.AsType[keys.Mistakes](err)
	if len(mistakes) != 2 || mistakes[0].Key != "jobs.second.from.full" || mistakes[0].Text != "minute 61 is not between 0 and 59" || mistakes[1].Key != "jobs.second.schedule.zone" {
		t.Errorf("got %v", err)
	}
}

func TestAJobThatNamesNoSourceIsToldWhichThereAre(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		strings.Replace(whole, "source: shelf, name: a", "name: a", 1):                "jobs.first.from.source: is missing: one of shelf",
		"jobs: {first: {from: {name: a}, to: {destination: wall}}}":                   "jobs.first.from.source: is missing; none is defined in sources",
		"jobs: {first: {from: {source: shelf, name: a}, to: {destination: wall}}}\n#": `jobs.first.to.destination: there is no destination "wall"; none is defined in destinations`,
	} {
		if _, err := read(t, text, "FOLDER=/srv"); err == nil || !strings.Contains(err.Error()+"\n", want+"\n") {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
