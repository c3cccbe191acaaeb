package transport_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// TestAWebsocketPathIsRequestedAsWritten: the path has an escaped token, and would be a different path if decoded.
func TestAWebsocketPathIsRequestedAsWritten(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.RequestURI:
		default:
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	const path = "/mqtt/a%2Fb%3Fc?token=x%2By"
	s, err := transport.New(zap.NewNop(), plain(strings.Replace(server.URL, "http", "ws", 1)+path, "alpha"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Run(t.Context(), transport.Handlers{}) }()
	select {
	case got := <-asked:
		if got != path {
			t.Errorf("requested %s, want %s", got, path)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no request")
	}
}
