package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// timed is a writer that knows whether it has a deadline.
type timed struct {
	*httptest.ResponseRecorder
	until   time.Time
	without bool // something was written without a deadline
}

func (w *timed) SetWriteDeadline(t time.Time) error {
	w.until = t
	return nil
}

func (w *timed) Write(b []byte) (int, error) {
	w.without = w.without || w.until.IsZero()
	return w.ResponseRecorder.Write(b)
}

// TestNobodyTakesForever sends requests that no slots limit: a client that does not read
// the answer is not waited for endlessly.
func TestNobodyTakesForever(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
	s := New(nil, nil, metrics)
	for name, page := range map[string]http.Handler{"without a token": s.Page("", true), "with a token": s.Page(token, true)} {
		for _, path := range []string{"/", "/login", "/static/app.js", "/metrics", "/healthz", "/debug/pprof/", "/debug/pprof/heap", "/nowhere"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			r.RemoteAddr = "127.0.0.1:40000"
			r.Header.Set("Authorization", "Bearer "+token)
			w := &timed{ResponseRecorder: httptest.NewRecorder()}
			page.ServeHTTP(w, r)
			if w.without || w.Body.Len() == 0 {
				t.Errorf("GET %s %s: written without a deadline: %t, %d bytes", path, name, w.without, w.Body.Len())
			}
			if !w.until.IsZero() {
				t.Errorf("GET %s leaves its deadline to the connection's next request", path)
			}
		}
	}
}

// TestNoTimeIsLeftOnTheSocket sends requests that set their own deadlines: afterwards
// the connection is reusable.
func TestNoTimeIsLeftOnTheSocket(t *testing.T) {
	socket := New(nil, nil, http.NotFoundHandler()).Socket()
	for _, path := range []string{"/healthz", "/api/nothing"} {
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		socket.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://node"+path, nil))
		if w.without || !w.until.IsZero() {
			t.Errorf("GET %s: written without a deadline: %t, left over: %v", path, w.without, w.until)
		}
	}
}

// TestALateAnswerIsAccepted answers after the request's deadline, as after
// a retry of very many rows: it was done, and must not look failed.
func TestALateAnswerIsAccepted(t *testing.T) {
	for name, give := range map[string]func(http.ResponseWriter){
		"an answer": func(w http.ResponseWriter) { _ = serve.JSON(w, struct{}{}) },
		"an error":  func(w http.ResponseWriter) { refuse(w, status.ErrRequest) },
	} {
		w := &timed{ResponseRecorder: httptest.NewRecorder(), until: time.Now().Add(-time.Second)}
		if give(w); time.Until(w.until) <= 0 {
			t.Errorf("%s is written although its time is over", name)
		}
	}
}
