package api

import (
	"embed"
	"errors"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

//go:embed static
var static embed.FS

// site is the page of a connector.
var site = serve.NewSite(static)

// Page returns the handler for a TCP listener: the page and the API. Everyone must send
// the token, unless it is ""; local says that the listener has a loopback address.
func Page(c Connector, metrics http.Handler, token string, local bool) http.Handler {
	mux := http.NewServeMux()
	api := Handler(c, metrics)
	mux.Handle("/", api)
	mux.HandleFunc("GET /static/{name}", site.ServePart)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		site.ServePage(w, http.StatusOK, "index.html", struct{ LoggedIn bool }{token != ""})
	})
	h := http.Handler(mux)
	if token == "" { // others may have accounts on this machine, and not the connector's rights
		closed := func(w http.ResponseWriter, _ *http.Request) {
			serve.Refuse(w, serve.Kind(serve.ErrForbidden, errors.New("the configuration is shown and changed here only with a token: set http.token in the file, and send it")))
		}
		mux.HandleFunc("/api/configuration", closed)
		mux.HandleFunc("/api/configuration/", closed)
	} else {
		d := serve.NewDoor(token, serve.Words{Program: "mysql-sync-connector", Of: "connector"}, site)
		mux.HandleFunc("GET /login", d.ShowLogin)
		mux.HandleFunc("POST /login", d.Login)
		mux.HandleFunc("POST /logout", d.Logout)
		mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
			if !d.Knows(r) && c.Ready(r.Context()) != nil {
				serve.Refuse(w, serve.Kind(serve.ErrUnavailable, errors.New("not ready: send the token to see the reason, or run mysql-sync-connector status")))
				return
			}
			api.ServeHTTP(w, r)
		})
		h = d.Guard(mux)
	}
	h = serve.OwnPages(h)
	if local {
		h = serve.OwnHost(h)
	}
	return serve.Guarded(serve.Hurried(h))
}
