package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// originally runs the built program with a file of Fliplet Agent. It returns what it prints: to the user, and to the
// log.
func originally(t *testing.T, file string, more ...string) (out, log string, err error) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	c := exec.CommandContext(t.Context(), exe, append([]string{"start", file}, more...)...)
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}

// exitOf is the exit code of a program that has ended; -1 if it did not run.
func exitOf(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// sampleFile writes a configuration of Fliplet Agent.
func sampleFile(t *testing.T, keys map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sample.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestF14HooksArePassedOn(t *testing.T) {
	t.Parallel()
	for text, hooks := range map[string]any{`[]`: nil, `["insert"]`: []string{"insert"}, `["insert","update"]`: []string{"insert", "update"}} {
		service, keys := sample(t)
		keys["run_hooks"] = hooks
		if _, log, err := originally(t, sampleFile(t, keys)); err != nil {
			t.Fatal(err, log)
		}
		for _, r := range service.Requests() {
			var body struct {
				RunHooks json.RawMessage `json:"runHooks"`
			}
			if r.Method == http.MethodPost {
				if err := json.Unmarshal(r.Body, &body); err != nil || string(body.RunHooks) != text {
					t.Errorf("the hooks of a commit are %s, not %s, %v", body.RunHooks, text, err)
				}
			}
		}
	}
	for _, c := range []struct {
		hooks any
		want  string
	}{
		{[]string{"insert", "delete"}, `run_hooks: "delete" is not one of insert, update`},
		{[]string{"insert", "insert"}, `run_hooks: "insert" is there twice; remove one`},
		{"insert", `run_hooks: is not a list`},
	} {
		service, keys := sample(t)
		keys["run_hooks"] = c.hooks
		_, log, err := originally(t, sampleFile(t, keys))
		if exitOf(err) != 2 || !strings.Contains(log, c.want) || len(service.Requests()) > 0 {
			t.Errorf("%v: %v %s, %d requests; want %s", c.hooks, err, log, len(service.Requests()), c.want)
		}
	}
}

func TestF20TheDescriptionStandsInTheLog(t *testing.T) {
	t.Parallel()
	const description = "Push my users every 15 minutes"
	for verbosity, want := range map[string]struct{ info, failure bool }{"debug": {true, true}, "info": {true, true}, "critical": {false, true}, "": {true, true}} {
		service, keys := sample(t)
		keys["description"] = description
		if verbosity != "" {
			keys["log_verbosity"] = verbosity
		}
		file := sampleFile(t, keys)
		kept := filepath.Join(filepath.Dir(file), "agent.log")
		_, log, err := originally(t, file, "--log-file", kept)
		if err != nil || strings.Contains(log, description) != want.info {
			t.Errorf("%q: %v, it logs\n%s", verbosity, err, log)
		}
		service.Token = "another"
		_, more, err := originally(t, file, "--log-file", kept)
		if err == nil || strings.Contains(more, "run failed") != want.failure {
			t.Errorf("%q: %v, it logs\n%s", verbosity, err, more)
		}
		content, err := os.ReadFile(kept)
		if more, _, _ = strings.Cut(more, "mysql-sync-connector: "); err != nil || string(content) != log+more {
			t.Errorf("the file has, %v,\n%s\nnot\n%s", err, content, log+more)
		}
		if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
	}
	_, keys := sample(t)
	_, log, err := originally(t, sampleFile(t, keys), "--log-file", t.TempDir())
	if exitOf(err) != 2 || !strings.Contains(log, "--log-file") {
		t.Errorf("a folder as the log: %v %s", err, log)
	}
}
