package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// Bounds on what callers can make the connector hold.
const (
	requestsMost = 32 // concurrent requests, besides those that wait for a run
	waitsMost    = 32 // that wait for a run
	limitDefault = 100
	limitMost    = 1000
)

// server answers requests.
type server struct {
	Connector
	asked chan struct{} // a slot for each request
	waits chan struct{} // likewise for those that wait for a run
	tests chan struct{} // likewise for those that test connections
}

// Handler returns the connector's routes. It does not authenticate: whatever wraps it must. metrics answers GET
// /metrics; nil: no one does.
func Handler(c Connector, metrics http.Handler) http.Handler {
	s := &server{c, make(chan struct{}, requestsMost), make(chan struct{}, waitsMost), make(chan struct{}, testsMost)}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /api/status":              s.status,
		"GET /api/runs":                s.runs,
		"GET /api/jobs/{name}/refused": s.refused,
		"POST /api/jobs/{name}/pause":  s.pause,
		"POST /api/jobs/{name}/resume": s.resume,
		"POST /api/jobs/{name}/cancel": s.cancel,
		"POST /api/jobs/{name}/clear":  s.clear,
		"POST /api/reload":             s.reload,
		"GET /api/configuration":       s.configuration,
		"POST /api/configuration/save": s.save,
		"GET /readyz":                  s.readyz,
	} {
		mux.HandleFunc(pattern, s.limited(s.asked, handle))
	}
	for _, kind := range []string{OrderRun, OrderRetry, OrderBackfill, OrderApprove} {
		mux.HandleFunc("POST /api/jobs/{name}/"+kind, s.limited(s.waits, func(w http.ResponseWriter, r *http.Request) error { return s.order(w, r, kind) }))
	}
	mux.HandleFunc("POST /api/configuration/test", s.limited(s.tests, s.test))
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello world!\n") }
	mux.HandleFunc("GET /api", hello)
	mux.HandleFunc("GET /api/{$}", hello)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		serve.Refuse(w, serve.Kind(serve.ErrNotFound, fmt.Errorf("there is no %s %s", r.Method, r.URL.Path)))
	})
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// limited returns a handler that answers at most as many requests at a time as there are slots.
func (*server) limited(slots chan struct{}, handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			serve.Refuse(w, serve.Kind(serve.ErrBusy, fmt.Errorf("%d such requests are already in progress; try again later", cap(slots))))
			return
		}
		if err := handle(w, r); err != nil {
			if cause := context.Cause(r.Context()); cause != nil && errors.Is(err, context.Canceled) {
				err = cause // which says why
			}
			serve.Refuse(w, kindOf(err))
		}
	}
}

// kinds are those of a Connector's errors.
var kinds = map[error]error{ErrNoJob: serve.ErrNotFound, ErrRequest: serve.ErrRequest, ErrRunning: serve.ErrConflict, ErrPaused: serve.ErrConflict, ErrIdle: serve.ErrConflict, ErrStale: serve.ErrConflict}

// kindOf maps an error of the connector to an answer's kind.
func kindOf(err error) error {
	for kind, its := range kinds {
		if errors.Is(err, kind) {
			return serve.Kind(its, err)
		}
	}
	return err
}

func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	state, err := s.Status(r.Context())
	if err != nil {
		return err
	}
	return serve.JSON(w, state)
}

func (s *server) runs(w http.ResponseWriter, r *http.Request) error {
	before, err := serve.Number(r, "before", 0)
	if err != nil {
		return err
	}
	limit, err := serve.Number(r, "limit", limitDefault)
	if err != nil {
		return err
	}
	which := Which{Job: r.FormValue("job"), State: r.FormValue("state"), Open: r.FormValue("open") == "true", Before: int64(min(before, math.MaxInt64)), Limit: int(min(max(limit, 1), limitMost))}
	l, err := s.Runs(r.Context(), which)
	return serve.List(w, l, err)
}

func (s *server) refused(w http.ResponseWriter, r *http.Request) error {
	after, err := serve.Number(r, "after", 0)
	if err != nil {
		return err
	}
	limit, err := serve.Number(r, "limit", limitDefault)
	if err != nil {
		return err
	}
	l, err := s.Refused(r.Context(), r.PathValue("name"), int64(min(after, math.MaxInt64)), int(min(max(limit, 1), limitMost)))
	return serve.List(w, l, err)
}

func (s *server) pause(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Reason string `json:"reason"`
	}
	if err := serve.Body(w, r, &b); err != nil {
		return err
	}
	return done(w, s.Pause(r.Context(), r.PathValue("name"), b.Reason))
}

func (s *server) reload(w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Reload(r.Context()))
}

func (s *server) resume(w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Resume(r.Context(), r.PathValue("name")))
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Cancel(r.PathValue("name")))
}

func (s *server) clear(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Date string `json:"date"`
	}
	if err := serve.Body(w, r, &b); err != nil {
		return err
	}
	return done(w, s.Clear(r.Context(), r.PathValue("name"), b.Date))
}

// done sends an answer without content.
func done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

// order runs a job: 202, or with wait=true 200 when the run has succeeded and 502 when it has failed.
func (s *server) order(w http.ResponseWriter, r *http.Request, kind string) error {
	var o Order
	if err := serve.Body(w, r, &o); err != nil {
		return err
	}
	o.Kind = kind
	ended, err := s.Start(r.Context(), r.PathValue("name"), o)
	if err != nil {
		return err
	}
	if r.FormValue("wait") != "true" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		return serve.JSON(w, struct{}{})
	}
	select {
	case err = <-ended:
	case <-r.Context().Done():
		return nil // no one is waiting any more
	}
	if err != nil {
		serve.Refuse(w, serve.Kind(serve.ErrFailed, err))
		return nil
	}
	return serve.JSON(w, struct{}{})
}

func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := s.Ready(r.Context()); err != nil {
		serve.Refuse(w, serve.Kind(serve.ErrUnavailable, err))
		return nil
	}
	_, _ = io.WriteString(w, "ok\n")
	return nil
}
