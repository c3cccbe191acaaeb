package main

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The whole life of a connector under systemd: it starts, is alive, reloads well and badly, and stops.
func TestF25TheConnectorNotifiesSystemd(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	_, file := byHand(t)
	m := testkit.Systemd(t)
	p := testkit.Process(t, func() *exec.Cmd {
		c := exec.Command(exe, "start", file)
		c.Env = append(c.Environ(), m.Environment(time.Second)...)
		return c
	})
	m.Wait("READY=1")
	for range 3 {
		m.Wait("WATCHDOG=1")
	}
	hangUp := func() {
		t.Helper()
		if err := syscall.Kill(p.Pid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		m.Wait("RELOADING=1")
		m.Wait("READY=1")
	}
	hangUp()
	edit(t, file, func(c map[string]any) { c["jobs"] = "none" })
	hangUp()
	p.WaitLog("not reloaded; the connector carries on as before")
	m.Wait("WATCHDOG=1")
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	m.Wait("STOPPING=1")
}
