package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// post pushes a body to a hook. The status is 0 without an answer.
func post(t *testing.T, address, body string, headers map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, v := range headers {
		r.Header.Set(name, v)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// What DataCollect's server was recorded to push arrives in a table, even if it is pushed twice.
func TestD06D09D11ADataCollectServerPushesToAHook(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE events (guid CHAR(36) PRIMARY KEY, entityGuid CHAR(36), type VARCHAR(40), data JSON, timestamp DATETIME(3), userId VARCHAR(40), syncLevel INT)")
	lake := map[string]any{"type": "mysql"}
	maps.Copy(lake, testkit.Shared(t).Keys(db.Name))
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	file := write(t, "connector.json", map[string]any{
		"http": map[string]any{"listen": address, "token": "a token that is long enough"},
		"sources": map[string]any{
			"collect": map[string]any{"type": "hook", "key": "guid", "auth": map[string]any{"apiKey": "sk_1"}},
			"mock":    map[string]any{"type": "hook", "key": "guid", "path": "mock-sync-server-of-ours-7f3a"},
		},
		"destinations": map[string]any{"lake": lake},
		"jobs": map[string]any{
			"openfn": map[string]any{"from": map[string]any{"source": "collect", "key": "guid"}, "to": map[string]any{"destination": "lake", "table": "events"}},
			"mock":   map[string]any{"from": map[string]any{"source": "mock", "key": "guid"}, "to": map[string]any{"destination": "lake", "table": "events"}},
		},
	})
	running(t, file)
	text, err := os.ReadFile(filepath.Join("..", "..", "pkg", "connector", "testdata", "datacollect", "requests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	pushed := map[string]bool{}
	for range 2 {
		for _, r := range all {
			if r.Method != http.MethodPost {
				continue
			}
			hook := map[bool]string{true: "collect", false: "mock-sync-server-of-ours-7f3a"}[strings.HasPrefix(r.Path, "/openfn")]
			if status, answer := post(t, "http://"+address+"/hooks/"+hook, string(r.Body), r.Headers); status != http.StatusOK {
				t.Fatalf("%s: %d %s", r.Path, status, answer)
			}
			var lists map[string][]struct{ GUID string }
			if err := json.Unmarshal(r.Body, &lists); err != nil {
				t.Fatal(err)
			}
			for _, list := range lists {
				for _, e := range list {
					pushed[e.GUID] = true
				}
			}
		}
	}
	testkit.Eventually(t, "all events in the table", func() error {
		var n int
		err := db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM events WHERE data IS NOT NULL")
		if err == nil && n != len(pushed) {
			err = fmt.Errorf("%d of %d events", n, len(pushed))
		}
		return err
	})
	for name, want := range map[string]int{"collect": http.StatusUnauthorized, "other": http.StatusNotFound, "mock": http.StatusNotFound} {
		if status, _ := post(t, "http://"+address+"/hooks/"+name, `{"guid":"x"}`, nil); status != want {
			t.Errorf("%s: got %d, want %d", name, status, want)
		}
	}
	// The page beside the hooks asks for its own token.
	if status, _ := post(t, "http://"+address+"/api/jobs/mock/run", "", map[string]string{"X-Api-Key": "sk_1"}); status != http.StatusUnauthorized {
		t.Errorf("the API: %d", status)
	}
}

// A connector that is killed while rows are pushed loses none that it has answered, and repeating unanswered ones
// duplicates none.
func TestD10D11KilledWhileRowsArePushed(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	file := write(t, "connector.json", map[string]any{
		"http":         map[string]any{"listen": address},
		"sources":      map[string]any{"collect": map[string]any{"type": "hook", "key": "id", "auth": map[string]any{"user": "u", "password": "secret-of-the-hook"}, "perSecond": 10000}},
		"destinations": map[string]any{"there": map[string]any{"type": "webhook", "url": s.URL}},
		"jobs":         map[string]any{"in": map[string]any{"from": map[string]any{"source": "collect", "key": "id"}, "to": map[string]any{"destination": "there", "send": "batch"}}},
	})
	var c *exec.Cmd
	said, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = said.Close() })
	begin := func() {
		c = exec.Command(exe, "start", file)
		c.Stdout, c.Stderr = said, said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	const batches, rows = 24, 40
	push := func(batch int) int {
		list := make([]string, rows)
		for i := range list {
			list[i] = fmt.Sprintf(`{"id":%d,"v":"%d"}`, batch*rows+i, batch)
		}
		status, _ := post(t, "http://"+address+"/hooks/collect", "["+strings.Join(list, ",")+"]", map[string]string{"Authorization": "Basic dTpzZWNyZXQtb2YtdGhlLWhvb2s="})
		return status
	}
	for batch := range batches {
		if batch%4 == 3 { // killed at any point of a request
			var wg sync.WaitGroup
			wg.Go(func() { push(batch) })
			_ = c.Process.Kill()
			wg.Wait()
			_ = c.Wait()
			begin()
		}
		testkit.Eventually(t, "a batch that is accepted", func() error {
			if status := push(batch); status != http.StatusOK {
				return fmt.Errorf("batch %d: %d", batch, status)
			}
			return nil
		})
	}
	testkit.Eventually(t, "all rows at the destination", func() error {
		if n := len(s.Rows()); n != batches*rows {
			return fmt.Errorf("%d rows of %d have arrived", n, batches*rows)
		}
		return nil
	})
	if n := s.Events(); n != batches*rows {
		t.Errorf("%d events for %d rows", n, batches*rows)
	}
	if text, err := os.ReadFile(said.Name()); err != nil || len(text) == 0 || strings.Contains(string(text), "secret-of-the-hook") {
		t.Errorf("the log has a secret, or is missing: %v", err)
	}
}

func TestMistakesInAHookAreReportedByKey(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(hook, job, configuration map[string]any){
		"sources.collect.type: a hook needs http.listen, which is missing": func(_, _, c map[string]any) { delete(c, "http") },
		"sources.collect.auth: is missing":                                 func(h, _, _ map[string]any) { delete(h, "auth") },
		"sources.collect.key: is missing":                                  func(h, _, _ map[string]any) { delete(h, "key") },
		"jobs.in.from.watermark: has no effect":                            func(_, j, _ map[string]any) { j["from"].(map[string]any)["watermark"] = "at" },
		"jobs.in.to[0].mode: \"replace\" would delete":                     func(_, j, _ map[string]any) { j["to"].(map[string]any)["mode"] = "replace" },
		"path: another hook has the same": func(h, _, c map[string]any) {
			h["path"] = "one-path-for-two-of-them-is-wrong"
			c["sources"].(map[string]any)["twin"] = h
		},
	} {
		hook := map[string]any{"type": "hook", "key": "id", "auth": map[string]any{"bearer": "hunter2-hunter2"}}
		job := map[string]any{"from": map[string]any{"source": "collect", "key": "id"}, "to": map[string]any{"destination": "there"}}
		configuration := map[string]any{
			"http": map[string]any{"listen": "127.0.0.1:1"}, "sources": map[string]any{"collect": hook},
			"destinations": map[string]any{"there": map[string]any{"type": "webhook", "url": "https://there.example"}}, "jobs": map[string]any{"in": job},
		}
		change(hook, job, configuration)
		_, err := execute(t, "start", write(t, "connector.json", configuration))
		mistakes, _ := errors.AsType[keys.Mistakes](err)
		if !strings.Contains(mistakes.Located(), want) || command.ExitCode(err) != command.ExitUsage || strings.Contains(mistakes.Located(), "hunter2") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
