package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Run serves the status page and the API as the key http says, until ctx ends, and
// then returns nil. Without a token it serves loopback addresses alone. (Promise 8)
func (s *Server) Run(ctx context.Context, log *zap.Logger, cfg config.HTTP) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	a, ok := l.Addr().(*net.TCPAddr)
	local := ok && a.IP.IsLoopback()
	if !local && cfg.Token == "" {
		return errors.Join(fmt.Errorf("http.listen: %s is reached by other machines, and http.token is not set", l.Addr()), l.Close())
	}
	scheme := "http"
	if cfg.Cert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			return errors.Join(fmt.Errorf("http.cert: %w", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
		scheme = "https"
	}
	log.Info("status page", zap.String("address", scheme+"://"+l.Addr().String()+"/"))
	mistakes, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil {
		return errors.Join(fmt.Errorf("http.listen: %w", err), l.Close())
	}
	if err := serve(ctx, l, s.Page(cfg.Token, local), mistakes); err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	return nil
}

// Page returns the handler for the TCP listener: the status page and what API
// has. A token that is not "" is asked of everybody; local says that the listener
// has a loopback address.
func (s *Server) Page(token string, local bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.API())
	mux.HandleFunc("GET /static/{name}", servePart)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		servePage(w, http.StatusOK, "index.html", struct{ LoggedIn bool }{token != ""})
	})
	h := ownProfiles(mux)
	if token != "" {
		d := newDoor(token)
		mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { servePage(w, http.StatusOK, "login.html", form{}) })
		mux.HandleFunc("POST /login", d.login)
		mux.HandleFunc("POST /logout", d.logout)
		h = d.guard(mux)
	}
	h = http.NewCrossOriginProtection().Handler(h)
	if local {
		h = ownHost(h)
	}
	return guarded(h)
}
