package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// readWith reads a configuration next to a DataCollect file, which names a server that is read as
// files and written as stones.
func readWith(t *testing.T, text string) (*plan.Plan, error) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{"connector.yaml": text, "app.json": "good", "bad.json": "bad"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := kinds
	with.ExternalSync = func(name string, content []byte) (*plan.External, []string, error) {
		if string(content) == "bad" {
			return nil, nil, keys.Mistakes{{File: name, Key: "url", Text: "is wrong"}}
		}
		return &plan.External{Push: plan.Adapter{Type: "stones"}, Pull: plan.Adapter{Type: "files"}, Batch: 7}, nil, nil
	}
	p, _, err := plan.Read(filepath.Join(folder, "connector.yaml"), nil, with)
	return p, err
}

const around = `
sources: {shelf: {type: files}}
destinations: {wall: {type: stones}}
jobs:
`

func TestD14ADataCollectServerBecomesTwoJobs(t *testing.T) {
	t.Parallel()
	for order, want := range map[string]string{"": "s-pull s", "order: [pull, push],": "s-pull s", "order: [push, pull],": "s s-pull"} {
		p, err := readWith(t, around+`  s: {externalSyncFile: app.json, events: {source: shelf, name: a}, pullTo: {destination: wall}, `+order+` schedule: {cron: "*/5 * * * *"}}`)
		if err != nil {
			t.Fatal(err)
		}
		first, second := p.Jobs[0], p.Jobs[1]
		if got := first.Name + " " + second.Name; got != want || second.After != first.Name || first.Schedule.Cron != "" || second.Schedule.Cron == "" || first.Schedule.OnStart {
			t.Errorf("%q: %+v and %+v", order, first, second)
		}
		pull, push := first, second
		if push.Name != "s" {
			pull, push = second, first
		}
		if push.To[0].BroughtBy != "s-pull" || push.To[0].Batch != 7 || push.From.Rows.Key[0] != "guid" || push.From.Rows.Watermark != "timestamp" || pull.From.Rows.Key[0] != "guid" || pull.To[0].Destination != "wall" {
			t.Errorf("%+v\n%+v", pull, push)
		}
	}
	p, err := readWith(t, around+`  s: {externalSyncFile: app.json, pullTo: {destination: wall}}`)
	if err != nil || len(p.Jobs) != 1 || p.Jobs[0].Name != "s-pull" || !p.Jobs[0].Schedule.OnStart {
		t.Errorf("only a pull: %+v, %v", p, err)
	}
}

func TestReferencesBetweenJobsAreChecked(t *testing.T) {
	t.Parallel()
	for job, want := range map[string]string{
		`a: {externalSyncFile: app.json}`:                                                       "jobs.a.externalSyncFile: says with whom",
		`a: {externalSyncFile: bad.json, pullTo: {destination: wall}}`:                          "bad.json: url: is wrong",
		`a: {externalSyncFile: none.json, pullTo: {destination: wall}}`:                         "none.json: no such file",
		`a: {externalSyncFile: app.json, pullTo: {destination: wall}, from: {source: shelf}}`:   "jobs.a.from: has events",
		`a: {events: {source: shelf}, from: {source: shelf, name: a}, to: {destination: wall}}`: "jobs.a.events: needs externalSyncFile",
		`a: {from: {source: shelf, name: a}}`:                                                   "jobs.a.to: is missing",
		`a: {to: {destination: wall}}`:                                                          "jobs.a.from: is missing",
		`a: {after: b, from: {source: shelf, name: a}, to: {destination: wall}}`:                `jobs.a.after: there is no job "b"`,
		`a: {after: a, from: {source: shelf, name: a}, to: {destination: wall}}`:                `jobs.a.after: "a" runs after a job itself`,
		`a: {from: {source: shelf, name: a}, to: {destination: wall, broughtBy: b}}`:            `broughtBy: there is no job "b"`,
	} {
		_, err := readWith(t, around+"  "+job)
		mistakes, ok := errors.AsType[keys.Mistakes](err)
		if !ok || !strings.Contains(mistakes.Error(), want) {
			t.Errorf("%s: %v, want %s", job, err, want)
		}
	}
}

// A secret inside a block is not printed either.
func TestNoSecretIsWritten(t *testing.T) {
	t.Parallel()
	block := []byte(`{"type":"object","properties":{"type":{"type":"string","enum":["x"]},"auth":{"type":"object","properties":{"user":{"type":"string"},"password":{"type":"string","writeOnly":true}}}}}`)
	p := &plan.Plan{Destinations: map[string]plan.Adapter{"a-b": {Type: "x", Settings: plan.Settings{"auth": map[string]any{"user": "ann", "password": "s3cret"}}}}}
	text, variables, err := p.Write(plan.Kinds{Destinations: []plan.Kind{{Block: block}}})
	if err != nil || strings.Contains(string(text), "s3cret") || !strings.Contains(string(text), `"${A_B_AUTH_PASSWORD}"`) || !strings.Contains(string(text), "ann") || len(variables) != 1 {
		t.Errorf("%s, %q, %v", text, variables, err)
	}
}
