package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Listener is an address at which a handler is served.
type Listener struct {
	net.Listener
	handler http.Handler
	log     *log.Logger                     // of what clients do wrong with a connection, TLS above all
	cfg     config.HTTP                     // where Listen made it
	pair    atomic.Pointer[tls.Certificate] // likewise, with TLS
	once    sync.Once
	retired chan struct{}
	closed  chan struct{} // nothing new is accepted any more
}

// NewListener returns a listener that serves a handler once it runs.
func NewListener(l net.Listener, h http.Handler) *Listener {
	return &Listener{Listener: l, handler: h, retired: make(chan struct{}), closed: make(chan struct{})}
}

// Listen makes the listener of the status page and the API as the key http says.
// Without a token it is for loopback addresses alone. Promise 8.
func (s *Server) Listen(ctx context.Context, log *zap.Logger, cfg config.HTTP) (*Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	a, ok := l.Addr().(*net.TCPAddr)
	local := ok && a.IP.IsLoopback()
	if !local && cfg.Token == "" {
		return nil, errors.Join(fmt.Errorf("http.listen: %s is reachable from other machines, and http.token is not set", l.Addr()), l.Close())
	}
	p := NewListener(l, s.Page(cfg.Token, local))
	p.cfg = cfg
	if err := p.Renew(cfg); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	scheme := "http"
	if cfg.Cert != "" {
		p.Listener = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.pair.Load(), nil }})
		scheme = "https"
	}
	if p.log, err = zap.NewStdLogAt(log, zap.DebugLevel); err != nil {
		return nil, errors.Join(fmt.Errorf("http.listen: %w", err), l.Close())
	}
	log.Info("status page", zap.String("address", scheme+"://"+l.Addr().String()+"/"))
	return p, nil
}

// Fits reports whether the listener is as a configuration says, but for the
// certificate. With another token it does not: who is connected has shown the old one.
func (l *Listener) Fits(cfg config.HTTP) bool {
	return l.cfg.Listen == cfg.Listen && l.cfg.Token == cfg.Token && (l.cfg.Cert == "") == (cfg.Cert == "")
}

// Renew reads the certificate, which holds for connections from now on.
func (l *Listener) Renew(cfg config.HTTP) error {
	if cfg.Cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return fmt.Errorf("http.cert: %w", err)
	}
	l.pair.Store(&pair)
	return nil
}

// Retire closes the listener, which must run: its address is free when it returns.
// Answers that are under way still go out.
func (l *Listener) Retire() {
	l.once.Do(func() { close(l.retired) })
	<-l.closed
}

// Run serves the handler until ctx ends or the listener is retired, lets answers that
// are under way go out for a moment, closes the listener and what is open, and then
// returns nil.
func (l *Listener) Run(ctx context.Context) error {
	base, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: l.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes, ErrorLog: l.log,
		BaseContext: func(net.Listener) context.Context { return base },
	}
	failed := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-l.retired:
		case <-ctx.Done():
		case <-failed:
		}
		cancel() // of listeners of events, too
		short, enough := context.WithTimeout(context.WithoutCancel(ctx), retiredTime)
		defer enough()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(farewellTime, enough) })()
		if server.Shutdown(short) != nil {
			_ = server.Close() // the time is over
		}
	})
	err := server.Serve(l.Listener)
	close(l.closed)
	if errors.Is(err, http.ErrServerClosed) {
		wg.Wait()
		return nil
	}
	close(failed)
	cancel()
	_ = server.Close()
	wg.Wait()
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
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
		mux.HandleFunc("GET /readyz", d.readyz(s.node, s.API()))
		h = d.guard(mux)
	}
	h = http.NewCrossOriginProtection().Handler(h)
	if local {
		h = ownHost(h)
	}
	return guarded(hurried(h))
}
