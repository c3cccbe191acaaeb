package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

// TestD20R22ThePageShowsJobsAndWhyTheyFail uses the page of a running connector as a person would.
func TestD20R22ThePageShowsJobsAndWhyTheyFail(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	service.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		if r.Method == http.MethodPost && strings.Contains(string(text), "c@d.de") {
			http.Error(w, `{"error":"no address of ours"}`, http.StatusUnprocessableEntity)
			return true
		}
		return false
	})
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	configuration := ownOf(keys)
	users := configuration["jobs"].(map[string]any)["users"].(map[string]any)
	users["schedule"] = map[string]any{"disable": true}
	users["description"] = "<b>users</b>"
	configuration["http"] = map[string]any{"listen": address, "token": "a token that is long enough"}
	running(t, write(t, "connector.json", configuration))

	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate("http://"+address+"/"))
	b.Sees("main", "http.token of the connector's configuration")
	b.Do("write the token", chromedp.SendKeys(chromedp.CSS("#token"), "a token that is long enough"))
	b.Click("button")
	b.Sees("#jobs tbody", "has not run")
	b.Sees("#job-about", "<b>users</b>")
	b.Accessible("a job that has not run")
	b.Click("#run")
	b.Sees("#refused", "no address of ours")
	b.Sees("#runs", "failed")
	b.Sees("#problems", "1 row of users is refused.")
	service.Fail(nil)
	b.Click("#retry")
	b.Sees("#refused-empty", "No rows are refused.")
	b.Sees("#legs", "123 of app")
	b.Click("#pause")
	b.Do("give a reason", chromedp.SendKeys(chromedp.CSS("#question input"), "a fair"))
	b.Click("#question-yes")
	b.Sees("#problems", "users is paused: a fair.")
	b.Accessible("a paused job")
	b.Size(390, 800)
	b.Expect("no sideways scrolling", "document.documentElement.scrollWidth - document.documentElement.clientWidth", "0")
	b.Accessible("the page on a phone")
	b.Size(1280, 900)
	b.Click("#resume")
	b.Expect("the job to go on", `document.querySelector("#problems").hidden`, "true")
	if n := len(service.Entries(123)); n != 2 {
		t.Errorf("%d entries", n)
	}
	b.Clean()
}

func TestD19R08MetricsAndHealthOfARunningConnector(t *testing.T) {
	t.Parallel()
	_, file := byHand(t)
	var configuration map[string]any
	readJSON(t, file, &configuration)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	configuration["http"] = map[string]any{"listen": address}
	file = write(t, "connector.json", configuration)
	running(t, file)
	if _, err := execute(t, "run", file, "users"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api": "Hello world!", "/healthz": "ok", "/readyz": "ok",
		"/metrics": `mysql_sync_connector_runs_total{job="users",state="done"} 1`,
	} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s answers %s, %v: %.2000s", path, answer.Status, err, text)
		}
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/api/jobs/users/run", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page from another origin started a job: %s", answer.Status)
	}
}
