package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// echo is a node that does nothing: a real one would validate the request.
type echo struct{ web.Node }

func (echo) Errors(_ context.Context, _ status.Rows, limit int) ([]status.RowError, error) {
	return nil, within(limit)
}
func (echo) Conflicts(_ context.Context, of status.ConflictsAsk) ([]status.Conflict, error) {
	return nil, within(of.Limit)
}
func (echo) Retry(context.Context, status.Rows) (int64, error) { return 1, nil }
func (echo) Conflict(context.Context, uint64) (*status.ConflictNow, error) {
	return &status.ConflictNow{}, nil
}
func (echo) Dismiss(context.Context, status.Dismiss) (int64, error)                     { return 1, nil }
func (echo) KeepBoth(context.Context, uint64, status.KeepBoth) (string, error)          { return "2", nil }
func (echo) Row(context.Context, status.RowAsk) (*status.Row, error)                    { return &status.Row{}, nil }
func (echo) PutBack(context.Context, uint64, status.PutBack) error                      { return nil }
func (echo) SetLogLevel(string) error                                                   { return nil }
func (echo) Verify(context.Context, status.Verify, func(status.Comparison) error) error { return nil }
func (echo) Resync(_ context.Context, r status.Resync) error {
	if r.Where != "" {
		panic("SQL by way of the network: " + r.Where)
	}
	return nil
}

func within(limit int) error {
	if limit < 1 || limit > 1000 {
		panic(fmt.Sprint("a limit of ", limit))
	}
	return nil
}

// FuzzAPI sends bodies and parameters to each route: the answer is JSON, with 200
// or the status of a bad request, and no SQL is accepted over the network.
func FuzzAPI(f *testing.F) {
	routes := []string{"POST /api/retry", "POST /api/resync", "POST /api/verify", "PUT /api/log-level", "GET /api/errors", "GET /api/conflicts", "POST /api/conflicts/%s/put-back", "GET /api/conflicts/%s", "POST /api/conflicts/%s/keep-both", "POST /api/conflicts/dismiss", "GET /api/row"}
	for i, body := range []string{`{"remote":"a","table":"t","id":"1"}`, `{"table":"t","where":"1=1"}`, `{"tables":["t"],"repair":true}`, `{"conflicts":[1,2],"undo":true}`, `{"key":{"id":"1"}}`, `{"level":"debug"}`, ``, `{}{}`, `null`} {
		f.Add(uint8(i), "limit=1&before=18446744073709551615", "1", body)
	}
	f.Add(uint8(4), "limit=-1", "", "[")
	f.Add(uint8(6), "limit=%zz;", "-1", `{"x":`+strings.Repeat("[", 1000))
	api := web.New(echo{}, nil, http.NotFoundHandler()).API()
	f.Fuzz(func(t *testing.T, which uint8, query, id, body string) {
		method, path, _ := strings.Cut(routes[int(which)%len(routes)], " ")
		path = strings.Replace(path, "%s", url.PathEscape(id), 1)
		r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
		u, err := url.Parse(path)
		if err != nil {
			return
		}
		r.URL, r.RequestURI = u, ""
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		switch {
		case w.Code >= 500:
			t.Errorf("%s %s?%s %q is answered with %d %s", method, path, query, body, w.Code, w.Body)
		case w.Code == http.StatusOK && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()):
			t.Errorf("%s %s?%s %q is answered with %q", method, path, query, body, w.Body)
		}
	})
}
