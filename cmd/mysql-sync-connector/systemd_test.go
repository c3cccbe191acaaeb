package main

import (
	"os/exec"
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
	m.HangUp(p.Pid())
	edit(t, file, func(c map[string]any) { c["jobs"] = "none" })
	m.HangUp(p.Pid())
	p.WaitLog("not reloaded; the connector carries on as before")
	m.Wait("WATCHDOG=1")
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	m.Wait("STOPPING=1")
}
