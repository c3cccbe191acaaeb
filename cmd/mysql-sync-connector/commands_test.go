package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
)

// running starts a connector in this process and waits until it answers; end stops it.
func running(t *testing.T, file string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		c := root()
		c.SetArgs([]string{"start", file})
		done <- c.ExecuteContext(ctx)
	}()
	client := api.NewClient(connector.Socket(stateFile(file)))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := client.Status(t.Context()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("it has ended: %v", err)
		default:
		}
	}
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return stop
}

// byHand is a configuration whose job runs only on request.
func byHand(t *testing.T) (service interface{ Entries(int64) int }, file string) {
	t.Helper()
	s, keys := sample(t)
	configuration := ownOf(keys)
	configuration["jobs"].(map[string]any)["users"].(map[string]any)["schedule"] = map[string]any{"disable": true}
	return entries(func(id int64) int { return len(s.Entries(id)) }), write(t, "connector.json", configuration)
}

type entries func(int64) int

func (e entries) Entries(id int64) int { return e(id) }

func TestD15CommandsWorkWithAndWithoutARunningConnector(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{true, false} {
		service, file := byHand(t)
		if out, err := execute(t, "status", file); err != nil || !strings.Contains(out, "never") || !strings.Contains(out, "not running") {
			t.Errorf("%s, %v", out, err)
		}
		if _, err := os.Stat(stateFile(file)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("status created a state: %v", err)
		}
		end := func() {}
		if runs {
			end = running(t, file)
		}
		if out, err := execute(t, "run", file, "users"); err != nil || !strings.Contains(out, "2 rows read, 2 sent") || service.Entries(123) != 2 {
			t.Errorf("running %t: %s, %v; %d entries", runs, out, err, service.Entries(123))
		}
		if out, err := execute(t, "pause", file, "users", "--reason", "a fair"); err != nil || out != "users is paused\n" {
			t.Errorf("%s, %v", out, err)
		}
		if _, err := execute(t, "run", file, "users"); command.ExitCode(err) != command.ExitFailed || !strings.Contains(err.Error(), "the job is paused: a fair") {
			t.Errorf("running %t: %v", runs, err)
		}
		if out, err := execute(t, "jobs", file); err != nil || !strings.Contains(out, "paused: a fair") {
			t.Errorf("%s, %v", out, err)
		}
		if out, err := execute(t, "resume", file, "users"); err != nil || out != "users is resumed\n" {
			t.Errorf("%s, %v", out, err)
		}
		for _, kind := range []string{"retry", "backfill", "approve"} {
			if out, err := execute(t, kind, file, "users"); err != nil || !strings.Contains(out, "0 sent") {
				t.Errorf("%s, running %t: %s, %v", kind, runs, out, err)
			}
		}
		if _, err := execute(t, "cancel", file, "users"); !strings.Contains(err.Error(), "the job is not running") {
			t.Errorf("%v", err)
		}
		out, err := execute(t, "runs", file, "users", "--json")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var last api.Run
		if err != nil || len(lines) != 4 || json.Unmarshal([]byte(lines[3]), &last) != nil || last.Kind != "manual" || last.State != "done" || last.Sent != 2 {
			t.Errorf("running %t: %s, %v", runs, out, err)
		}
		if out, err := execute(t, "refused", file, "users"); err != nil || out != "No rows have been refused.\n" {
			t.Errorf("%s, %v", out, err)
		}
		out, err = execute(t, "status", file)
		if want := map[bool]string{true: "running for", false: "not running"}[runs]; err != nil || !strings.Contains(out, want) || !strings.Contains(out, "123 of app") {
			t.Errorf("%s, %v", out, err)
		}
		end()
	}
}

func TestAnUnknownJobIsAUsageError(t *testing.T) {
	t.Parallel()
	_, file := byHand(t)
	for _, name := range []string{"run", "retry", "backfill", "approve", "pause", "resume", "cancel", "refused", "runs"} {
		if _, err := execute(t, name, file, "usrs"); command.ExitCode(err) != command.ExitUsage || !strings.Contains(err.Error(), `"usrs"; the jobs are users`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(stateFile(file)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mistake created a state: %v", err)
	}
}

func TestD16CheckAsksSourcesAndDestinations(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	configuration := ownOf(keys)
	file := write(t, "connector.json", configuration)
	out, err := execute(t, "check", file)
	if err != nil || !strings.Contains(out, "mysql answers") || !strings.Contains(out, "fliplet answers") || !strings.Contains(out, "does not exist yet") {
		t.Errorf("%s, %v", out, err)
	}
	for _, r := range service.Requests() {
		if r.Method != "GET" {
			t.Errorf("check sent %s %s", r.Method, r.Path)
		}
	}
	configuration["sources"].(map[string]any)["shop"].(map[string]any)["password"] = "wrong"
	configuration["sources"].(map[string]any)["spare"] = configuration["sources"].(map[string]any)["shop"]
	out, err = execute(t, "check", write(t, "connector.json", configuration))
	if command.ExitCode(err) != command.ExitFailed || !strings.Contains(out, "Access denied") || !strings.Contains(out, "no job uses it") {
		t.Errorf("%s, %v", out, err)
	}
	delete(configuration, "destinations")
	if out, err = execute(t, "check", write(t, "connector.json", configuration)); command.ExitCode(err) != command.ExitUsage || !strings.Contains(out, "destinations") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestB12AConnectorHasANameAndTags(t *testing.T) {
	t.Parallel()
	_, keys := sample(t)
	configuration := ownOf(keys)
	configuration["connector"] = map[string]any{"id": "c-7", "name": "berlin office", "org": "acme", "hub": "h-1", "tags": []string{"eu"}}
	var status api.Status
	out, err := execute(t, "status", write(t, "connector.yaml", configuration), "--json")
	if err != nil || json.Unmarshal([]byte(out), &status) != nil || status.ID != "c-7" || status.Name != "berlin office" || len(status.Tags) != 1 {
		t.Errorf("%s, %v", out, err)
	}
}

func TestF26TheVersionIsShown(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if out, err := execute(t, args...); err != nil || !strings.Contains(out, command.Version(version)) {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}

func TestWrongCommandLinesAreUsageErrors(t *testing.T) {
	t.Parallel()
	_, file := byHand(t)
	for line, want := range map[string]string{
		"strat " + file: "did you mean start?", file: "expected a command", "start": "usage: mysql-sync-connector start FILE", "run " + file: "usage: mysql-sync-connector run FILE JOB",
		"status " + file + " --jsno": "did you mean --json?", "nothing-like-it": "lists the commands", "start /nowhere.yaml": "no such file",
	} {
		if _, err := execute(t, strings.Fields(line)...); command.ExitCode(err) != command.ExitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
