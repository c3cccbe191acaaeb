package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// edit edits a JSON configuration.
func edit(t *testing.T, file string, change func(configuration map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var configuration map[string]any
	if err := json.Unmarshal(text, &configuration); err != nil {
		t.Fatal(err)
	}
	change(configuration)
	if text, err = json.Marshal(configuration); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// jobsOf returns a running connector's jobs.
func jobsOf(t *testing.T, file string) string {
	t.Helper()
	s, err := api.NewClient(connector.Socket(stateFile(file))).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range s.Jobs {
		names = append(names, s.Jobs[i].Name)
	}
	return strings.Join(names, " ")
}

func TestB11AConfigurationIsChangedWithoutARestart(t *testing.T) {
	t.Parallel()
	service, file := byHand(t)
	if _, err := execute(t, "reload", file); command.ExitCode(err) != command.ExitFailed || !strings.Contains(err.Error(), "not running") {
		t.Errorf("without a running connector: %v", err)
	}
	running(t, file)
	again := func(c map[string]any) {
		jobs := c["jobs"].(map[string]any)
		jobs["again"] = jobs["users"]
	}
	edit(t, file, again)
	if out, err := execute(t, "reload", file); err != nil || out != "the connector has reloaded\n" {
		t.Fatalf("%s, %v", out, err)
	}
	if got := jobsOf(t, file); got != "again users" {
		t.Errorf("the jobs are %s", got)
	}
	if out, err := execute(t, "run", file, "again"); err != nil || service.Entries(123) != 2 {
		t.Errorf("%s, %v; %d entries", out, err, service.Entries(123))
	}

	t.Run("a mistake changes nothing", func(t *testing.T) {
		edit(t, file, func(c map[string]any) { c["jobs"].(map[string]any)["again"].(map[string]any)["transform"] = "none.js" })
		if _, err := execute(t, "reload", file); command.ExitCode(err) != command.ExitUsage || !strings.Contains(text(err), "none.js") {
			t.Errorf("the error is %v", err)
		}
		edit(t, file, func(c map[string]any) { delete(c["jobs"].(map[string]any)["again"].(map[string]any), "transform") })
	})
	t.Run("what cannot start is given up", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		edit(t, file, func(c map[string]any) {
			c["http"] = map[string]any{"listen": taken.Addr().String()}
			delete(c["jobs"].(map[string]any), "users")
		})
		if _, err := execute(t, "reload", file); command.ExitCode(err) != command.ExitFailed || !strings.Contains(err.Error(), "the previous one is back") {
			t.Errorf("the error is %v", err)
		}
		if got := jobsOf(t, file); got != "again users" {
			t.Errorf("the jobs are %s", got)
		}
	})
}

// SIGHUP does the same, and the new connector finishes an interrupted run.
func TestB11SIGHUPReloadsAndTheRunContinues(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE users (id INT PRIMARY KEY, v INT)", "CREATE TABLE copies (id INT PRIMARY KEY, v INT)",
		"INSERT INTO users SELECT seq, 1 FROM "+series(5000))
	configuration := ownOf(b.keys)
	shop := configuration["sources"].(map[string]any)["shop"]
	configuration["destinations"] = map[string]any{"shop": shop}
	job := configuration["jobs"].(map[string]any)["users"].(map[string]any)
	job["to"] = map[string]any{"destination": "shop", "table": "copies", "batch": 10}
	job["schedule"] = map[string]any{"daily": "00:00", "onStart": true}
	file := write(t, "connector.json", configuration)
	p := testkit.Process(t, func() *exec.Cmd { return exec.Command(exe, "start", file) })
	p.WaitLog("run started")
	edit(t, file, func(c map[string]any) {
		c["jobs"].(map[string]any)["users"].(map[string]any)["schedule"] = map[string]any{"daily": "00:00", "onStart": false}
	})
	if err := syscall.Kill(p.Pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.WaitLog(`run ended.*"state": "interrupted"|run failed.*"state": "interrupted"`)
	p.WaitLog(`run ended.*"state": "done"`)
	var n int
	if err := b.db.Get(&n, "SELECT COUNT(*) FROM copies"); err != nil || n != 5000 {
		t.Errorf("%d rows have arrived, %v", n, err)
	}
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// A daily job whose source is down is retried, even after a restart.
func TestR04AFailedReadIsCaughtUpAfterARestart(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused %t", paused), func(t *testing.T) {
			t.Parallel()
			madeUpFor(t, paused)
		})
	}
}

// madeUpFor restarts the connector after a run that could not read. If the job was paused meanwhile, resuming it makes up
// for the run.
func madeUpFor(t *testing.T, paused bool) {
	t.Helper()
	b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE copies (id INT PRIMARY KEY, v INT)")
	configuration := ownOf(b.keys)
	configuration["destinations"] = map[string]any{"shop": configuration["sources"].(map[string]any)["shop"]}
	job := configuration["jobs"].(map[string]any)["users"].(map[string]any)
	job["to"] = map[string]any{"destination": "shop", "table": "copies"}
	job["schedule"] = map[string]any{"daily": "00:00"}
	file := write(t, "connector.json", configuration)
	end := running(t, file)
	if _, err := execute(t, "run", file, "users"); err == nil {
		t.Fatal("the run is done although there is no table users")
	}
	end()
	testkitExec(t, b, "CREATE TABLE users (id INT PRIMARY KEY, v INT)")
	testkitExec(t, b, "INSERT INTO users VALUES (1, 1), (2, 2)")
	if paused {
		if out, err := execute(t, "pause", file, "users"); err != nil {
			t.Fatal(out, err)
		}
	}
	running(t, file)
	if paused {
		if out, err := execute(t, "resume", file, "users"); err != nil {
			t.Fatal(out, err)
		}
	}
	testkit.Eventually(t, "the rows at the destination", func() error {
		out, err := execute(t, "runs", file, "users", "--json")
		if err == nil && !strings.Contains(out, `"state":"done"`) {
			err = errors.New(out)
		}
		return err
	})
	var n int
	if err := b.db.Get(&n, "SELECT COUNT(*) FROM copies"); err != nil || n != 2 {
		t.Errorf("%d rows have arrived, %v", n, err)
	}
}
