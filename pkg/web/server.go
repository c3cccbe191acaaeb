package web

import (
	"fmt"
	"net/http"
	"net/http/pprof"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// Bounds of what clients can make the server hold. Promise 10.
const (
	requestsMost = 32 // at once, not counting lasting ones
	verifiesMost = 4
)

// Server has the node's HTTP handlers: Socket for the Unix socket, API for the TCP
// listener. Both may be served at once.
type Server struct {
	node    Node
	lines   Lines
	metrics http.Handler
	events  chan struct{} // a slot per listener of events
	asked   chan struct{} // likewise per request
	verify  chan struct{}
}

// New returns the handlers of a node. metrics answers GET /metrics.
func New(n Node, l Lines, metrics http.Handler) *Server {
	return &Server{node: n, lines: l, metrics: metrics, events: make(chan struct{}, eventsMost),
		asked: make(chan struct{}, requestsMost), verify: make(chan struct{}, verifiesMost)}
}

// Socket returns the handler for the Unix socket, which only the node's own user
// can open: it may do everything.
func (s *Server) Socket() http.Handler { return serve.Hurried(s.mux(true)) }

// API returns the handler for a TCP listener. It does not authenticate: its
// wrapper does. It refuses SQL, and requests that another origin's page makes a
// browser send.
func (s *Server) API() http.Handler { return http.NewCrossOriginProtection().Handler(s.mux(false)) }

// mux has the routes. Only the socket may send SQL.
func (s *Server) mux(socket bool) http.Handler {
	a := api{Server: s, socket: socket}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /api/status":                    a.limited(a.asked, a.status),
		"GET /api/fleet":                     a.limited(a.asked, a.fleet),
		"GET /api/history":                   a.limited(a.asked, a.history),
		"GET /api/diagnostics":               a.limited(a.Server.verify, a.diagnostics),
		"GET /api/row":                       a.limited(a.Server.verify, a.row),
		"GET /api/events":                    a.limited(a.events, a.stream),
		"GET /api/errors":                    a.limited(a.asked, a.errors),
		"POST /api/retry":                    a.limited(a.asked, a.retry),
		"GET /api/conflicts":                 a.limited(a.asked, a.conflicts),
		"GET /api/conflicts/{id}":            a.limited(a.asked, a.conflict),
		"POST /api/conflicts/{id}/put-back":  a.limited(a.asked, a.putBack),
		"POST /api/conflicts/{id}/keep-both": a.limited(a.asked, a.keepBoth),
		"POST /api/conflicts/dismiss":        a.limited(a.asked, a.dismiss),
		"POST /api/resync":                   a.limited(a.asked, a.resync),
		"POST /api/pause":                    a.limited(a.asked, a.pause),
		"POST /api/resume":                   a.limited(a.asked, a.resume),
		"POST /api/verify":                   a.limited(a.Server.verify, a.verify),
		"POST /api/at/{site}":                a.limited(a.Server.verify, a.at),
		"POST /api/sites":                    a.limited(a.asked, a.admit),
		"GET /api/log":                       a.limited(a.asked, a.log),
		"PUT /api/log-level":                 a.limited(a.asked, a.logLevel),
		"POST /api/reload":                   a.limited(a.asked, a.reload),
		"GET /healthz":                       a.healthz,
		"GET /readyz":                        a.readyz,
		"/api/":                              a.nothing,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			if err := handle(w, r); err != nil {
				refuse(w, err)
			}
		})
	}
	mux.Handle("GET /metrics", s.metrics)
	profiles(mux)
	return mux
}

// limited returns a handler that serves only as many requests at once as there
// are slots, and limits the time to read an answer.
func (a api) limited(slots chan struct{}, handle func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			return serve.Kind(serve.ErrBusy, fmt.Errorf("%d such requests are already in progress; try again later, or close some", cap(slots)))
		}
		defer serve.Hurry(w)()
		return handle(w, r)
	}
}

// lasting returns a handler that may take as long as the request requires.
func lasting(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		serve.Hurry(w)()
		handle(w, r)
	}
}

// profiles adds Go's profiles.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", lasting(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", lasting(pprof.Trace))
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
}
