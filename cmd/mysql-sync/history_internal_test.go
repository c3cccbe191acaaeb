package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/history"
)

// The history of a site is printed from the file, also while the node is stopped: hours of the last day, days before.
func TestTheHistoryIsPrinted(t *testing.T) {
	cfg := &config.Config{ClientName: "hq", QueueDirectory: t.TempDir(), RemoteClients: []string{"store-1"}, Fleet: true}
	f, _, _, err := history.Open(history.Path(cfg.QueueDirectory, cfg.ClientName), cfg.ClientName)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Truncate(time.Hour)
	step := 10 * time.Minute
	for at := end.Add(-5 * 24 * time.Hour); at.Before(end); at = at.Add(step) {
		if end.Sub(at) <= 24*time.Hour {
			step = time.Minute
		}
		before := end.Sub(at)
		if err := f.Add("store-1", at, history.Sample{Sent: 1, Offline: before <= 5*time.Hour && before > 3*time.Hour, FreeDisk: 20 << 30}); err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	run := func(site string, asJSON bool) (string, error) {
		var out bytes.Buffer
		c := &cobra.Command{}
		c.SetOut(&out)
		c.SetErr(&out)
		err := showHistory(c, cfg, site, asJSON)
		return out.String(), err
	}
	out, err := run("store-1", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"store-1  as hq recorded it", "last offline: about 3 h", "for about 2 h", "FREE DISK", "20 GiB", " UTC"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "\n"); n < 26 || n > 34 {
		t.Errorf("%d lines:\n%s", n, out)
	}
	if out, err = run("store-1", true); err != nil || !strings.Contains(out, `"away":{`) {
		t.Errorf("%v: %.200s", err, out)
	}
	if out, err = run("store-2\x1b[2J", false); err == nil || strings.Contains(out+err.Error(), "\x1b") {
		t.Errorf("%q, %v", out, err)
	}
}
