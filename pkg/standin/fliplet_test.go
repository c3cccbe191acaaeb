package standin

import (
	"net/http"
	"strings"
	"testing"
)

func TestFlipletRefusesUnknownRequests(t *testing.T) {
	f := NewFliplet("eu--1", 123)
	f.MaxBytes = 100
	t.Cleanup(f.Close)
	for _, c := range []struct {
		name, method, path, token, kind, body string
		want                                  int
	}{
		{"a good commit", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", `{"append":true,"entries":[{"data":{}}],"runHooks":[]}`, 200},
		{"an unknown token", "GET", "/v1/user", "eu--2", "", "", 401},
		{"an unknown path", "GET", "/v2/user", "eu--1", "", "", 404},
		{"an unknown data source", "GET", "/v1/data-sources/9/data", "eu--1", "", "", 404},
		{"a wrong method", "POST", "/v1/user", "eu--1", "", "", 405},
		{"not JSON", "POST", "/v1/data-sources/123/commit", "eu--1", "text/plain", `{}`, 415},
		{"too large", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", strings.Repeat(" ", 101), 413},
		{"an unknown key", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", `{"append":true,"rows":[]}`, 400},
		{"a commit that would remove all others", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", `{"entries":[]}`, 400},
		{"an unknown entry", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", `{"append":true,"delete":[99]}`, 400},
		{"a query", "POST", "/v1/data-sources/123/data/query", "eu--1", "application/json", `{"where":{"a":1},"limit":1}`, 200},
		{"an unknown key of a query", "POST", "/v1/data-sources/123/data/query", "eu--1", "application/json", `{"filter":{}}`, 400},
		{"a query in another order", "POST", "/v1/data-sources/123/data/query", "eu--1", "application/json", `{"order":[["name","ASC"]]}`, 400},
		{"an unknown hook", "POST", "/v1/data-sources/123/commit", "eu--1", "application/json", `{"append":true,"runHooks":["x"]}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, f.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Auth-Token", c.token)
			r.Header.Set("Content-Type", c.kind)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			if answer.StatusCode != c.want {
				t.Errorf("status %d, want %d", answer.StatusCode, c.want)
			}
		})
	}
}
