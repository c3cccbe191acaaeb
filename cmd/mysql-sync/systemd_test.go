package main_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The whole life of a node under systemd: it starts, is alive, reloads well and badly, and stops.
func TestANodeNotifiesSystemd(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	m := testkit.Systemd(t)
	p := testkit.Process(t, func() *exec.Cmd {
		c := testkit.Command(t, "run", s.File)
		c.Env = append(c.Env, m.Environment(time.Second)...)
		return c
	})
	m.Wait("READY=1")
	for range 3 {
		m.Wait("WATCHDOG=1")
	}
	m.HangUp(p.Pid())
	s.Config["syncTables"] = []string{"nothing"}
	s.Write()
	m.HangUp(p.Pid())
	p.WaitLog("not reloaded; the node carries on as before")
	b.Stop()
	m.Wait("STATUS=") // the broker is gone, and the node is alive
	m.Wait("WATCHDOG=1")
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	m.Wait("STOPPING=1")
}

// A node that waits for its database is alive.
func TestANodeWithoutADatabaseIsAliveToSystemd(t *testing.T) {
	t.Parallel()
	s := newSite(t, testkit.Mosquitto(t, testkit.MosquittoOptions{}), "node-a", []string{"node-b"}, nil)
	s.Block("mysqlConfig")["port"] = testkit.FreePort(t)
	s.Write()
	m := testkit.Systemd(t)
	testkit.Process(t, func() *exec.Cmd {
		c := testkit.Command(t, "run", s.File)
		c.Env = append(c.Env, m.Environment(time.Second)...)
		return c
	})
	m.Wait("STATUS=the node is starting: it waits for its database")
	m.Wait("WATCHDOG=1")
}

// SIGABRT, with which systemd ends a service that is no longer alive, must not look like a configuration error, after
// which it is not restarted.
func TestAnAbortedNodeIsRestarted(t *testing.T) {
	t.Parallel()
	s := newSite(t, testkit.Mosquitto(t, testkit.MosquittoOptions{}), "node-a", []string{"node-b"}, nil, orders)
	c := testkit.Command(t, "run", s.File)
	c.Env = append(c.Env, "GOTRACEBACK=crash") // as in the unit
	var log strings.Builder
	c.Stderr = &log
	m := testkit.Systemd(t)
	c.Env = append(c.Env, m.Environment(time.Second)...)
	c.Dir = t.TempDir() // for a core
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill() }()
	m.Wait("READY=1")
	if err := c.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if ended, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || ended.Signal() != syscall.SIGABRT {
		t.Errorf("it ended with %v, want the signal", c.ProcessState)
	}
	if !strings.Contains(log.String(), "goroutine ") {
		t.Errorf("its log does not say what each goroutine did:\n%.2000s", log.String())
	}
}
