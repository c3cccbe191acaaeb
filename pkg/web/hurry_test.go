package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// timed is a writer that knows whether its reader has been given a time.
type timed struct {
	*httptest.ResponseRecorder
	until   time.Time
	without bool // something was written without
}

func (w *timed) SetWriteDeadline(t time.Time) error {
	w.until = t
	return nil
}

func (w *timed) Write(b []byte) (int, error) {
	w.without = w.without || w.until.IsZero()
	return w.ResponseRecorder.Write(b)
}

// TestNobodyTakesForEver asks for what has no slots that would run out: a reader that
// takes nothing of it is not waited for without end either.
func TestNobodyTakesForEver(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
	for _, token := range []string{"", token} {
		page := New(nil, nil, metrics).Page(token, true)
		for _, path := range []string{"/", "/login", "/static/app.js", "/metrics", "/healthz", "/debug/pprof/", "/debug/pprof/heap", "/nowhere"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			r.RemoteAddr = "127.0.0.1:40000"
			r.Header.Set("Authorization", "Bearer "+token)
			w := &timed{ResponseRecorder: httptest.NewRecorder()}
			page.ServeHTTP(w, r)
			if w.without || w.Body.Len() == 0 {
				t.Errorf("GET %s with token %q: written without a time: %t, %d bytes", path, token, w.without, w.Body.Len())
			}
			if !w.until.IsZero() {
				t.Errorf("GET %s leaves its time to the connection's next request", path)
			}
		}
	}
}
