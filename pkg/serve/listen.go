package serve

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
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Listener is an address at which a handler is served.
type Listener struct {
	net.Listener
	handler http.Handler
	log     *log.Logger                     // of clients' connection errors, above all TLS
	cfg     Config                          // if Listen made it
	pair    atomic.Pointer[tls.Certificate] // likewise, under TLS
	once    sync.Once
	retired chan struct{}
	closed  chan struct{} // no new connection is accepted
}

// NewListener returns a listener that serves a handler once it runs.
func NewListener(l net.Listener, h http.Handler) *Listener {
	return &Listener{Listener: l, handler: h, retired: make(chan struct{}), closed: make(chan struct{})}
}

// Config is how a page is served, with the keys that a configuration has for it.
type Config struct {
	Listen string // host:port
	Token  string
	Cert   string // path of a PEM file; "": without TLS
	Key    string
}

// How long, and how often, an address that is in use is tried.
const (
	inUseMost  = time.Second
	inUsePause = 10 * time.Millisecond
)

// ListenTCP listens at an address. One that is in use may be this process's own, closed a moment ago: while a process starts a
// program, that has copies of its sockets until it runs (close-on-exec, fcntl(2)). So it is tried again for a second. The error is net's.
func ListenTCP(ctx context.Context, address string) (net.Listener, error) {
	for enough := time.Now().Add(inUseMost); ; {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(enough) {
			return l, err
		}
		select {
		case <-time.After(inUsePause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// Listen makes the listener of a page, which learns whether the address is loopback. Without a token it accepts only
// loopback addresses. Promise 8.
func Listen(ctx context.Context, log *zap.Logger, cfg Config, page func(local bool) http.Handler) (*Listener, error) {
	l, err := ListenTCP(ctx, cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	a, ok := l.Addr().(*net.TCPAddr)
	local := ok && a.IP.IsLoopback()
	if !local && cfg.Token == "" {
		return nil, errors.Join(fmt.Errorf("http.listen: %s is reachable from other machines, and http.token is not set", l.Addr()), l.Close())
	}
	mistakes, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("http.listen: %w", err), l.Close())
	}
	l = &attended{l, &crowd{log: mistakes}}
	p := NewListener(l, page(local))
	p.cfg, p.log = cfg, mistakes
	if err := p.Renew(cfg); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	scheme := "http"
	if cfg.Cert != "" {
		p.Listener = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, // in HTTP/2, a stranger's connection carries many requests at once
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.pair.Load(), nil }})
		scheme = "https"
	}
	log.Info("status page", zap.String("address", scheme+"://"+l.Addr().String()+"/"))
	return p, nil
}

// Fits reports whether the listener matches a configuration, apart from the certificate. It does not if the token
// differs: connected clients have sent the old one.
func (l *Listener) Fits(cfg Config) bool {
	return l.cfg.Listen == cfg.Listen && l.cfg.Token == cfg.Token && (l.cfg.Cert == "") == (cfg.Cert == "")
}

// At reports whether the listener is at the address of a configuration.
func (l *Listener) At(cfg Config) bool { return l.cfg.Listen == cfg.Listen }

// Renew rereads the certificate, for new connections.
func (l *Listener) Renew(cfg Config) error {
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

// Retire closes the listener, which must be running: its address is free when
// Retire returns. Answers in progress still go out.
func (l *Listener) Retire() {
	l.once.Do(func() { close(l.retired) })
	<-l.closed
}

// Run serves the handler until ctx ends or the listener is retired, gives answers in
// progress a moment to go out, closes the listener and its connections, and returns
// nil.
func (l *Listener) Run(ctx context.Context) error {
	base, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: l.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes, ErrorLog: l.log,
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
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
