package transport

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// websocketStream makes one stream of bytes of a websocket's messages, as MQTT asks: a packet need not end with a
// message.
type websocketStream struct {
	*websocket.Conn
	message io.Reader  // what is being read; nil between two messages
	writing sync.Mutex // paho writes from two goroutines, gorilla allows one
}

// Read reads on in the current message, or in the next.
func (w *websocketStream) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			_, message, err := w.NextReader()
			if err != nil {
				return 0, err
			}
			w.message = message
		}
		n, err := w.message.Read(p)
		if errors.Is(err, io.EOF) {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends p as one message.
func (w *websocketStream) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if err := w.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetDeadline bounds reads and writes.
func (w *websocketStream) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}
