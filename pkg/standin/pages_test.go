package standin

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestR01PagesIsStrict(t *testing.T) {
	t.Parallel()
	p := NewPages("t-1", 2, `{"id":1,"updated":"2026-01-01"}`, `{"id":2,"updated":"2026-01-02"}`, `{"id":3,"updated":"2026-01-03"}`,
		`{"type":"SALES/A","date":"2026-11-26","updated":"2026-01-01"}`)
	t.Cleanup(p.Close)
	for _, c := range []struct {
		name, token, method, path, body string
		want                            int
		part                            string // of the answer
	}{
		{"no token", "", "GET", "/next", "", 401, ""},
		{"an unknown token", "t-2", "GET", "/next", "", 403, ""},
		{"an unknown path", "t-1", "GET", "/other", "", 404, ""},
		{"a wrong method", "t-1", "POST", "/next", "{}", 405, ""},
		{"an unknown parameter", "t-1", "GET", "/next?limit=3", "", 400, ""},
		{"a parameter of another way", "t-1", "GET", "/next?page=1", "", 400, ""},
		{"an invalid page number", "t-1", "GET", "/page", "", 400, ""},
		{"a page far beyond", "t-1", "GET", "/page?page=9", "", 400, ""},
		{"an invalid cursor", "t-1", "GET", "/cursor?cursor=2", "", 400, ""},
		{"a body that is not JSON", "t-1", "POST", "/search", "x", 400, ""},
		{"the first page", "t-1", "GET", "/next", "", 200, `"next":"/next?after=2"`},
		{"some of the rows", "t-1", "GET", "/next?since=2026-01-02", "", 200, `"next":null`},
		{"a page after the last", "t-1", "GET", "/page?page=3", "", 200, `"rows":[]`},
		{"a search", "t-1", "POST", "/search", `{"cursor":"c/2="}`, 200, `"id":3`},
		{"a report", "t-1", "GET", "/reports/SALES%2FA?date=2026-11-26", "", 200, `"2026-11-26"`},
		{"an empty report", "t-1", "GET", "/reports/SALES%2FA?date=2026-11-25", "", 200, `"rows":[]`},
		{"a report without a date", "t-1", "GET", "/reports/SALES%2FA", "", 400, ""},
		{"a report of an invalid date", "t-1", "GET", "/reports/SALES%2FA?date=26.11.2026", "", 400, ""},
		{"a report of an unknown type", "t-1", "GET", "/reports/STOCK?date=2026-11-26", "", 404, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, p.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != c.want || !strings.Contains(string(text), c.part) {
			t.Errorf("%s: status %d, want %d: %s", c.name, answer.StatusCode, c.want, text)
		}
	}
}
