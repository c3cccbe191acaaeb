package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
	"github.com/mochi-mqtt/server/v2/listeners"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// requestBytes is how large the request for a websocket may be.
const requestBytes = 8 << 10

// websockets is a listener of mochi for MQTT over websockets. Its own takes any page's, and waits for ever for who has one and
// says nothing.
type websockets struct {
	net.Listener // with TLS, if there is to be some
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
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: helloTime, MaxHeaderBytes: requestBytes, ErrorLog: mistakes}
	return w, nil
}

// ID names the listener.
func (w *websockets) ID() string { return "websocket" }

// Address returns its host:port.
func (w *websockets) Address() string { return w.Addr().String() }

// Protocol is for mochi's log.
func (w *websockets) Protocol() string { return "ws" }

// Init has nothing to do: the listener listens.
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
	upgrader := websocket.Upgrader{Subprotocols: []string{"mqtt"}, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := upgrader.Upgrade(answer, r, nil)
	if err != nil {
		return // It was answered.
	}
	if err := w.establish(w.ID(), &socket{Conn: c.NetConn(), c: c}); err != nil {
		w.log.Debug("a client's connection ended", zap.Error(err))
	}
}

// socket is a websocket as a connection: what the binary messages hold, one after the other.
type socket struct {
	net.Conn
	c       *websocket.Conn
	message io.Reader // nil: the next is to come
}

// NetConn returns what lies below, as tls.Conn does.
func (s *socket) NetConn() net.Conn { return s.Conn }

// Read returns bytes of a binary message.
func (s *socket) Read(p []byte) (int, error) {
	for {
		if s.message == nil {
			kind, message, err := s.c.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, listeners.ErrInvalidMessage
			}
			s.message = message
		}
		n, err := s.message.Read(p)
		if errors.Is(err, io.EOF) {
			s.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends a binary message.
func (s *socket) Write(p []byte) (int, error) {
	if err := s.c.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
