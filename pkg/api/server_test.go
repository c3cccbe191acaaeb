package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/api"
)

// desk is a connector with the job orders.
type desk struct {
	api.Connector
	ran  error // of its runs
	busy error // of runs that begin
	got  []string
}

func (d *desk) Status(context.Context) (*api.Status, error) {
	return &api.Status{ID: "c", Jobs: []api.Job{{Name: "orders", Legs: []api.Leg{}}}}, nil
}

func (d *desk) Runs(_ context.Context, w api.Which) ([]api.Run, error) {
	d.got = append(d.got, fmt.Sprintf("%+v", w))
	return nil, nil
}

func (d *desk) Start(_ context.Context, job string, o api.Order) (<-chan error, error) {
	if job != "orders" {
		return nil, fmt.Errorf("%w as %q", api.ErrNoJob, job)
	}
	d.got = append(d.got, o.Kind+" "+o.Date)
	ended := make(chan error, 1)
	ended <- d.ran
	return ended, d.busy
}

func (d *desk) Pause(_ context.Context, job, reason string) error {
	d.got = append(d.got, "pause "+job+": "+reason)
	return nil
}

func (d *desk) Cancel(string) error         { return api.ErrIdle }
func (d *desk) Ready(context.Context) error { return errors.New("the state cannot be read") }

func ask(d *desk, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	api.Handler(d, nil).ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestR08TheAPISaysHelloAndReportsHealth(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api": "200 Hello world!", "/api/": "200 Hello world!", "/healthz": "200 ok", "/readyz": `503 {"error":"the state cannot be read"}`, "/api/nothing": `404 {"error":"there is no GET /api/nothing"}`,
	} {
		if code, body := ask(&desk{}, http.MethodGet, path, ""); fmt.Sprint(code, " ", body) != want {
			t.Errorf("%s: got %d %s", path, code, body)
		}
	}
}

func TestD20AFailedRunIsNotReportedAsSuccess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		desk *desk
		path string
		code int
	}{
		{&desk{}, "/api/jobs/orders/run", 202},
		{&desk{ran: errors.New("no answer")}, "/api/jobs/orders/run", 202},
		{&desk{}, "/api/jobs/orders/run?wait=true", 200},
		{&desk{ran: errors.New("no answer")}, "/api/jobs/orders/run?wait=true", 502},
		{&desk{busy: api.ErrRunning}, "/api/jobs/orders/run", 409},
		{&desk{busy: api.ErrPaused}, "/api/jobs/orders/retry", 409},
		{&desk{}, "/api/jobs/ordres/run", 404},
		{&desk{}, "/api/jobs/orders/cancel", 409},
	} {
		if code, body := ask(c.desk, http.MethodPost, c.path, ""); code != c.code {
			t.Errorf("%s: got %d, want %d: %s", c.path, code, c.code, body)
		}
	}
	for _, body := range []string{"x", `{"kind":1}`, `{"nothing":1}`} {
		if code, _ := ask(&desk{}, http.MethodPost, "/api/jobs/orders/run", body); code != 400 {
			t.Errorf("%s: got %d", body, code)
		}
	}
	if code, _ := ask(&desk{}, http.MethodPost, "/api/jobs/orders/pause", `{"reason":"`+strings.Repeat("x", 2<<20)+`"}`); code != 413 {
		t.Errorf("a body that is too large: got %d", code)
	}
}

func TestParametersReachTheConnector(t *testing.T) {
	t.Parallel()
	d := &desk{}
	ask(d, http.MethodGet, "/api/runs?job=orders&state=failed&open=true&before=7&limit=5000", "")
	ask(d, http.MethodPost, "/api/jobs/orders/backfill", `{"date":"2026-11-01"}`)
	ask(d, http.MethodPost, "/api/jobs/orders/pause", `{"reason":"a fair"}`)
	want := []string{"{Job:orders State:failed Open:true Before:7 Limit:1000}", "backfill 2026-11-01", "pause orders: a fair"}
	if fmt.Sprint(d.got) != fmt.Sprint(want) {
		t.Errorf("%v", d.got)
	}
	if code, body := ask(d, http.MethodGet, "/api/runs?before=-1", ""); code != 400 || !strings.Contains(body, "before") {
		t.Errorf("%d %s", code, body)
	}
	code, body := ask(d, http.MethodGet, "/api/status", "")
	if code != 200 || !json.Valid([]byte(body)) || !strings.Contains(body, `"legs":[]`) {
		t.Errorf("%d %s", code, body)
	}
	if _, body := ask(d, http.MethodGet, "/api/runs", ""); body != "[]" {
		t.Errorf("no runs are %s", body)
	}
}

func TestNoOneAtTheSocket(t *testing.T) {
	t.Parallel()
	if _, err := api.NewClient(t.TempDir() + "/none.sock").Status(t.Context()); !errors.Is(err, api.ErrNotRunning) {
		t.Errorf("%v", err)
	}
}

func (d *desk) Save(_ context.Context, e api.Edit) (*api.Saved, error) {
	d.got = append(d.got, fmt.Sprintf("save %s.%s %s", e.Section, e.Name, e.Block))
	switch e.Hash {
	case "old":
		return nil, api.ErrStale
	case "wrong":
		return nil, &api.Refusal{Why: "jobs.x.to: is missing", Mistakes: []api.Mistake{{Key: "jobs.x.to", Text: "is missing", File: "c.yaml", Line: 7}}}
	case "fixed":
		return nil, &api.Refusal{Why: "read-only", Text: "jobs: {}"}
	}
	return &api.Saved{Kept: "c.yaml.1"}, nil
}

func TestD20R22AnEditIsSavedOrRefusedWithItsReasons(t *testing.T) {
	t.Parallel()
	for hash, want := range map[string]string{
		"new":   `200 {"kept":"c.yaml.1"}`,
		"old":   `409 {"error":"the configuration has changed since the form was opened; open it again"}`,
		"wrong": `400 {"mistakes":[{"key":"jobs.x.to","text":"is missing","file":"c.yaml","line":7}],"error":"jobs.x.to: is missing"}`,
		"fixed": `409 {"text":"jobs: {}","error":"read-only"}`,
	} {
		d := &desk{}
		code, said := ask(d, http.MethodPost, "/api/configuration/save", `{"hash": "`+hash+`", "section": "jobs", "name": "x", "block": {"from": 1}}`)
		if got := fmt.Sprintf("%d %s", code, said); got != want || fmt.Sprint(d.got) != `[save jobs.x {"from": 1}]` {
			t.Errorf("%s: got %s\nwant %s, %v", hash, got, want, d.got)
		}
	}
}
