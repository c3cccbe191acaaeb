package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Backups from end to end: a start uploads; a lost state is restored by itself, and by a command; its jobs are
// paused until they are resumed; another connector can take it over.
func TestB03B07B08B09B10ALostStateComesBack(t *testing.T) {
	t.Parallel()
	service, given := sample(t)
	store := testkit.NewS3(t, "prod-backup")
	configuration := ownOf(given)
	configuration["connector"] = map[string]any{"id": "c-7", "org": "acme", "hub": "h-1"}
	configuration["backup"] = map[string]any{"restore": "auto", "s3": map[string]any{"endpoint": "http://" + store.Addr, "bucket": "prod-backup", "region": "us-east-1", "accessKey": store.Access, "secretKey": store.Secret}}
	file := write(t, "connector.yaml", configuration)
	state := strings.TrimSuffix(file, ".yaml") + ".db"
	must := func(args ...string) string {
		t.Helper()
		out, err := execute(t, args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	if out := must("check", file); !strings.Contains(out, "no backup yet") {
		t.Error(out)
	}
	must("start", file, "--once")
	if out := must("check", file); !strings.Contains(out, "the newest backup is of") {
		t.Error(out)
	}
	if _, err := os.Stat(filepath.Join(store.Folder, "prod-backup/acme/datahub/h-1/connector/c-7/connector.db")); err != nil {
		t.Fatal(err)
	}
	if out := must("backup", file); !strings.Contains(out, "backed up to acme/datahub/h-1/connector/c-7/connector.db") {
		t.Error(out)
	}
	var list []backup.Copy
	d := json.NewDecoder(strings.NewReader(must("backup", file, "--list", "--json")))
	for d.More() {
		var c backup.Copy
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	if len(list) != 2 || !list[0].Newest {
		t.Fatalf("%+v", list)
	}
	must("backup", file, "--verify", "--copy", list[1].Key)

	store.Stop()
	if out, err := execute(t, "check", file); command.ExitCode(err) != 1 || !strings.Contains(out, "bucket") {
		t.Errorf("%v\n%s", err, out)
	}
	store.Start()

	// Lost: the start restores it, and carries on, since Fliplet can be read.
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	must("start", file, "--once")
	if out := must("runs", file); strings.Count(out, "users") != 2 { // the backup's and the current one
		t.Errorf("it started from scratch:\n%s", out)
	}
	if n := len(service.Entries(123)); n != 2 {
		t.Errorf("got %d entries, want 2", n)
	}

	// By the command: a newer state is replaced only with --force, and the jobs are paused.
	must("run", file, "users")
	if _, err := execute(t, "restore", file); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("%v", err)
	}
	if out := must("restore", file, "--force"); !strings.Contains(out, "paused") || !strings.Contains(out, ".replaced-") {
		t.Error(out)
	}
	if _, err := execute(t, "start", file, "--once"); err == nil || !strings.Contains(err.Error(), "restored from a backup") {
		t.Errorf("%v", err)
	}
	must("resume", file, "users")
	must("start", file, "--once")

	// For another connector.
	other := filepath.Join(t.TempDir(), "c-8.db")
	must("restore", file, "--as", "h-2/c-8", "--to", other)
	if _, err := execute(t, "start", file, "--once", "--state", other); err == nil || !strings.Contains(err.Error(), `connector "c-8"`) {
		t.Errorf("c-7 used the state of c-8: %v", err)
	}
	configuration["connector"] = map[string]any{"id": "c-8", "org": "acme", "hub": "h-2"}
	must("status", write(t, "other.yaml", configuration), "--state", other)
}

func TestB02MistakesInABackupAreReportedByKey(t *testing.T) {
	t.Parallel()
	_, given := sample(t)
	s3 := func() map[string]any { return map[string]any{"endpoint": "s3.example.com", "bucket": "prod-backup"} }
	for want, block := range map[string]map[string]any{
		"backup.key":       {"s3": s3(), "key": "/x/{id}"},
		"backup.every":     {"s3": s3(), "key": "{id}", "every": "1s"},
		"backup.lease":     {"s3": s3(), "key": "{id}", "lease": "1s"},
		"backup.encryptTo": {"s3": s3(), "key": "{id}", "encryptTo": "AGE-SECRET-KEY-1SECRET"},
		"backup.restore":   {"s3": s3(), "key": "{id}", "restore": "auto", "encryptTo": []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}},
		"backup.s3":        {"key": "{id}"},
		"backup.s3.bucket": {"s3": map[string]any{"endpoint": "s3.example.com", "bucket": "UPPER"}, "key": "{id}"},
		"backup.s3.caFile": {"s3": map[string]any{"endpoint": "s3.example.com", "bucket": "prod-backup", "caFile": "/none.pem"}, "key": "{id}"},
	} {
		configuration := ownOf(given)
		configuration["backup"] = block
		_, err := execute(t, "start", write(t, "connector.yaml", configuration), "--once")
		if err == nil || command.ExitCode(err) != 2 || !strings.Contains(text(err), want+":") || strings.Contains(text(err), "1SECRET") {
			t.Errorf("%s: %v", want, text(errors.Join(err)))
		}
	}
}

// Two machines share a configuration and a lease: one works; when it is killed, the other restores its state and carries on.
func TestB07TheOtherMachineTakesOver(t *testing.T) {
	t.Parallel()
	service, given := sample(t)
	store := testkit.NewS3(t, "prod-backup")
	configuration := ownOf(given)
	configuration["connector"] = map[string]any{"id": "c-7", "org": "acme", "hub": "h-1"}
	configuration["backup"] = map[string]any{"restore": "auto", "lease": "8s", "s3": map[string]any{"endpoint": "http://" + store.Addr, "bucket": "prod-backup", "region": "us-east-1", "accessKey": store.Access, "secretKey": store.Secret}}
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	machine := func() (file string, kill func()) {
		file = write(t, "connector.yaml", configuration)
		c := exec.CommandContext(t.Context(), exe, "start", file)
		var said bytes.Buffer
		c.Stderr = &said
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s says:\n%s", file, said.String())
			}
		})
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return file, sync.OnceFunc(func() { _ = c.Process.Kill(); _ = c.Wait() })
	}
	sent := func(file string) error {
		out, err := execute(t, "runs", file)
		if err == nil && !strings.Contains(out, "done") {
			err = errors.New("no run is done: " + out)
		}
		return err
	}
	object := filepath.Join(store.Folder, "prod-backup/acme/datahub/h-1/connector/c-7/connector.db")
	first, kill := machine()
	testkit.Eventually(t, "the first to work", func() error { return sent(first) })
	testkit.Eventually(t, "its backup", func() error { _, err := os.Stat(object); return err })
	second, killSecond := machine()
	t.Cleanup(killSecond) // before its output is read
	kill()
	testkit.Eventually(t, "the second to work", func() error { return sent(second) })
	testkit.Eventually(t, "its second run, after that of the backup", func() error {
		out, err := execute(t, "runs", second, "--json")
		if n := strings.Count(out, `"job"`); err == nil && n < 2 {
			err = fmt.Errorf("%d runs: %s", n, out)
		}
		return err
	})
	if n := len(service.Entries(123)); n != 2 {
		t.Errorf("got %d entries, want 2", n)
	}
}
