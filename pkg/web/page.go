package web

import (
	"context"
	"embed"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

//go:embed static
var static embed.FS

// site is the status page.
var site = serve.NewSite(static)

// Listen returns the listener of the status page and the API, as configured by http.
// Without a token it accepts only loopback addresses. Promise 8.
func (s *Server) Listen(ctx context.Context, log *zap.Logger, cfg config.HTTP) (*serve.Listener, error) {
	return serve.Listen(ctx, log, serve.Config(cfg), func(local bool) http.Handler { return s.Page(cfg.Token, local) })
}

// Page returns the handler for the TCP listener: the status page and the API.
// Everyone must send the token unless it is ""; local says that the listener has
// a loopback address.
func (s *Server) Page(token string, local bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.API())
	mux.HandleFunc("GET /static/{name}", site.ServePart)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		site.ServePage(w, http.StatusOK, "index.html", struct{ LoggedIn bool }{token != ""})
	})
	h := serve.OwnProfiles(mux)
	if token != "" {
		d := newDoor(token)
		mux.HandleFunc("GET /login", d.ShowLogin)
		mux.HandleFunc("POST /login", d.Login)
		mux.HandleFunc("POST /logout", d.Logout)
		mux.HandleFunc("GET /readyz", readyz(d, s.node, s.API()))
		h = d.Guard(mux)
	}
	h = serve.OwnPages(h)
	if local {
		h = serve.OwnHost(h)
	}
	return serve.Guarded(serve.Hurried(h))
}

// newDoor asks for the token in the node's configuration.
func newDoor(token string) *serve.Door {
	return serve.NewDoor(token, serve.Words{Program: "mysql-sync", Of: "node"}, site)
}

// readyz needs no token, so that supervisors need none; the reason,
// which names the database and the broker, is only for clients with the token.
func readyz(d *serve.Door, n Node, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if d.Knows(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if n.Health(r.Context()) != nil {
			refuse(w, status.Kind(status.ErrUnavailable, errors.New("not ready: send the token to see the reason, or run mysql-sync status")))
			return
		}
		_ = api{}.healthz(w, r) // it returns no error
	}
}
