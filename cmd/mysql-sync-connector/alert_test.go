package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// alerting is a configuration whose job runs at startup and reports failures to Slack.
func alerting(t *testing.T) (service *standin.Fliplet, slack *standin.Slack, configuration map[string]any) {
	t.Helper()
	service, given := sample(t)
	slack = standin.NewSlack()
	t.Cleanup(slack.Close)
	configuration = ownOf(given)
	configuration["connector"] = map[string]any{"name": "berlin-office"}
	configuration["alerts"] = map[string]any{"slack": slack.Webhook()}
	configuration["jobs"].(map[string]any)["users"].(map[string]any)["schedule"] = map[string]any{"daily": "07:30", "onStart": true, "catchUp": "1s"}
	return service, slack, configuration
}

// process starts the built program; end stops it, by a kill or by a signal.
func process(t *testing.T, file string) (out *bytes.Buffer, end func(kill bool)) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "start", file)
	out = &bytes.Buffer{}
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func(kill bool) {
		if ended {
			return
		}
		ended = true
		if kill {
			_ = c.Process.Kill()
		} else {
			_ = c.Process.Signal(syscall.SIGTERM)
		}
		_ = c.Wait() // a killed process exits with an error
	}
	t.Cleanup(func() {
		end(true)
		if t.Failed() {
			t.Log(out)
		}
	})
	return out, end
}

// sees waits until a condition holds.
func sees(t *testing.T, what string, f func() bool) {
	t.Helper()
	testkit.Eventually(t, what, func() error {
		if !f() {
			return errors.New("the condition does not hold")
		}
		return nil
	})
}

// openAlerts asks a running connector for its open alerts.
func openAlerts(t *testing.T, file string) []api.Alert {
	t.Helper()
	s, err := api.NewClient(connector.Socket(stateFile(file))).Status(t.Context())
	if err != nil {
		return nil // not running yet
	}
	return s.Alerts
}

// A job fails while Slack is down, and the connector is killed before it can tell. Later it tells once, no matter how often the
// job fails and the connector restarts, and once more when the job works again.
func TestR06R07AFailureRaisesOneAlertAcrossKillsAndItsEndAnother(t *testing.T) {
	t.Parallel()
	service, slack, configuration := alerting(t)
	file := write(t, "connector.json", configuration)
	service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		http.Error(w, `{"error":"<down> for a while"}`, http.StatusNotFound)
		return true
	})
	slack.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		http.Error(w, "rollup_error", http.StatusInternalServerError)
		return true
	})
	_, end := process(t, file)
	sees(t, "Slack is told", func() bool { return len(slack.Requests()) > 0 })
	end(true)
	if out, err := execute(t, "status", file); err != nil || !strings.Contains(out, "failed, users: run 1 failed") {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := execute(t, "start", file, "--test"); err == nil {
		t.Errorf("the job did not fail: %s", out)
	}
	before := len(slack.Requests())
	slack.Fail(nil)
	for range 2 {
		out, end := process(t, file)
		sees(t, "Slack has it, and the connector knows", func() bool {
			open := openAlerts(t, file)
			return len(slack.Texts()) == 1 && len(open) == 1 && open[0].Told != nil
		})
		end(false)
		if strings.Contains(out.String(), "CcDdEe") {
			t.Error("the log shows the webhook's address")
		}
	}
	if n := len(slack.Requests()) - before; n != 1 {
		t.Errorf("Slack was told %d times: %q", n, slack.Texts())
	}
	service.Fail(nil)
	_, end = process(t, file)
	sees(t, "Slack knows that it is over", func() bool { return len(slack.Texts()) == 2 })
	sees(t, "no alert is open", func() bool { return len(openAlerts(t, file)) == 0 })
	end(false)
	texts := slack.Texts()
	if !strings.HasPrefix(texts[0], ":red_circle: berlin-office: Job users failed: run ") || !strings.Contains(texts[0], "&lt;down&gt;") || !strings.Contains(texts[1], "Over: Job users failed.") {
		t.Errorf("%q", texts)
	}
}

// The last success was three days ago: that is reported along with the failure. A silenced job's is not.
func TestR06NoSuccessWithinADay(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		service, slack, configuration := alerting(t)
		if quiet {
			configuration["jobs"].(map[string]any)["users"].(map[string]any)["notifyOnFail"] = false
		}
		file := write(t, "connector.json", configuration)
		if _, err := execute(t, "start", file, "--once"); err != nil || len(slack.Requests()) != 0 {
			t.Fatalf("%v, %q", err, slack.Texts())
		}
		age(t, stateFile(file), 3*24*time.Hour)
		service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			http.Error(w, `{}`, http.StatusNotFound)
			return true
		})
		if _, err := execute(t, "start", file, "--once"); err == nil {
			t.Fatal("the job did not fail")
		}
		texts := strings.Join(slack.Texts(), "\n")
		if want := map[bool]int{false: 2, true: 0}[quiet]; len(slack.Texts()) != want {
			t.Errorf("quiet %t: %q", quiet, texts)
		}
		if !quiet && (!strings.Contains(texts, "Job users failed: ") || !strings.Contains(texts, "Job users has not succeeded in time: no run has succeeded for 24h")) {
			t.Errorf("%q", texts)
		}
	}
}

// age makes a state's runs older.
func age(t *testing.T, state string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", state)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE runs SET started = started - ?, ended = ended - ?`, by.Milliseconds(), by.Milliseconds()); err != nil {
		t.Fatal(err)
	}
}

// A guard that waits and a failing backup are reported, to a webhook too.
func TestR07GuardsAndBackupsRaiseAlerts(t *testing.T) {
	t.Parallel()
	service, slack, configuration := alerting(t)
	hook := standin.NewReceiver("")
	t.Cleanup(hook.Close)
	hook.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(http.StatusNoContent)
		return true
	})
	configuration["alerts"].(map[string]any)["webhook"] = map[string]any{"url": hook.URL, "auth": map[string]any{"bearer": "a-secret-token"}}
	configuration["connector"] = map[string]any{"id": "c-7", "name": "berlin-office", "org": "acme", "hub": "h-1"}
	configuration["backup"] = map[string]any{"s3": map[string]any{"endpoint": "http://127.0.0.1:1", "bucket": "prod-backup", "region": "us-east-1", "accessKey": "a", "secretKey": "hunter2hunter2"}}
	jobs := configuration["jobs"].(map[string]any)
	jobs["users"].(map[string]any)["guard"] = map[string]any{"rows": 0, "percent": 0}
	for n := range 3 {
		service.Put(123, standin.FlipletEntry{ID: int64(n + 70), Data: []byte(`{"id":"gone"}`)})
	}
	file := write(t, "connector.json", configuration)
	_, end := process(t, file)
	sees(t, "both are told", func() bool { return len(slack.Texts()) == 2 && len(hook.Requests()) == 2 })
	end(false)
	texts := strings.Join(slack.Texts(), "\n")
	if !strings.Contains(texts, "Job users waits for approval") || !strings.Contains(texts, "The backup of c-7 is late") || strings.Contains(texts, "hunter2") {
		t.Errorf("%q", texts)
	}
	var m struct {
		Rule, Subject, State string
		Connector            struct{ Name string }
	}
	if r := hook.Requests()[0]; json.Unmarshal(r.Body, &m) != nil || m.State != "open" || m.Connector.Name != "berlin-office" || r.Header.Get("Authorization") != "Bearer a-secret-token" {
		t.Errorf("%+v %s", m, r.Body)
	}
}
