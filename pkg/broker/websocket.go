package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/coder/websocket"
	"github.com/mochi-mqtt/server/v2/listeners"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// requestBytes is how large the request for a websocket may be.
const requestBytes = 8 << 10

// websockets is a mochi listener for MQTT over websockets. mochi's own accepts any page, and waits forever for a silent
// client.
type websockets struct {
	net.Listener // with TLS, if configured
	log          *zap.Logger
	c            *config.Broker
	server       *http.Server
	establish    listeners.EstablishFn
}

func newWebsockets(log *zap.Logger, l net.Listener, c *config.Broker) (*websockets, error) {
	mistakes, err := zap.NewStdLogAt(log, zap.DebugLevel) // of clients, with TLS and HTTP
	if err != nil {
		return nil, err
	}
	w := &websockets{Listener: l, log: log, c: c}
	w.server = &http.Server{
		Handler: w, ReadHeaderTimeout: helloTime, MaxHeaderBytes: requestBytes, ErrorLog: mistakes,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, belowKey{}, c) },
	}
	return w, nil
}

// ID names the listener.
func (w *websockets) ID() string { return "websocket" }

// Address returns its host:port.
func (w *websockets) Address() string { return w.Addr().String() }

// Protocol is for mochi's log.
func (w *websockets) Protocol() string { return "ws" }

// Init has nothing to do: the listener is already listening.
func (w *websockets) Init(*slog.Logger) error { return nil }

// Serve gives mochi each websocket.
func (w *websockets) Serve(establish listeners.EstablishFn) {
	w.establish = greeting(w.log, establish)
	if err := w.server.Serve(w.Listener); !errors.Is(err, http.ErrServerClosed) {
		w.log.Error("the broker's WebSocket listener failed", zap.Error(err))
	}
}

// Close closes the listener, and all websockets.
func (w *websockets) Close(closeClients listeners.CloseFn) {
	_ = w.server.Close()
	closeClients(w.ID())
}

// ServeHTTP answers a request for a websocket.
func (w *websockets) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	if !mayCome(w.c, r) {
		w.log.Warn("refused a web page from another origin", zap.String("origin", wire.Shorten(r.Header.Get("Origin"), 100)),
			zap.String("host", wire.Shorten(r.Host, 100)), zap.String("address", r.RemoteAddr))
		http.Error(answer, "pages of this origin may not connect: see broker.wsOrigins", http.StatusForbidden)
		return
	}
	c, err := websocket.Accept(answer, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}, InsecureSkipVerify: true}) // see mayCome
	if err != nil {
		return // It was answered.
	}
	below := r.Context().Value(belowKey{}).(net.Conn)
	if err := w.establish(w.ID(), &socket{websocket.NetConn(context.Background(), c, websocket.MessageBinary), below, c}); err != nil {
		w.log.Debug("a client's connection ended", zap.Error(err))
	}
}

// belowKey leads from a request to its connection.
type belowKey struct{}

// socket is a websocket as a connection.
type socket struct {
	net.Conn
	below net.Conn
	c     *websocket.Conn
}

// NetConn returns the underlying connection, as tls.Conn does.
func (s *socket) NetConn() net.Conn { return s.below }

// Close does not wait for the client to close it too.
func (s *socket) Close() error { return s.c.CloseNow() }
