package serve_test

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

func TestAClientSaysWhyItGotNoAnswer(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	c := serve.NewClient("the program", socket)
	err := c.Call(t.Context(), http.MethodGet, "/", nil, nil)
	if !errors.Is(err, serve.ErrNotRunning) || err.Error() != "the program is not running: no answer at "+socket {
		t.Errorf("without a program: %v", err)
	}

	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Word string }
		if err := serve.Body(w, r, &question); err != nil {
			serve.Refuse(w, err)
			return
		}
		_ = serve.JSON(w, question)
	})
	mux.HandleFunc("GET /not", func(w http.ResponseWriter, _ *http.Request) {
		serve.Refuse(w, serve.Kind(serve.ErrConflict, errors.New("the job is running")))
	})
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "a proxy in between", http.StatusTeapot) })
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"Word": "ha`)) })
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })

	var answer struct{ Word string }
	if err := c.Call(t.Context(), http.MethodPost, "/echo", map[string]string{"Word": "ha"}, &answer); err != nil || answer.Word != "ha" {
		t.Errorf("%+v, %v", answer, err)
	}
	err = c.Call(t.Context(), http.MethodGet, "/not", nil, nil)
	if _, refused := errors.AsType[*serve.Refused](err); !refused || !errors.Is(err, serve.ErrConflict) || err.Error() != "the job is running" {
		t.Errorf("refused: %v", err)
	}
	if err := c.Call(t.Context(), http.MethodGet, "/plain", nil, nil); err == nil || !strings.Contains(err.Error(), "418 I'm a teapot a proxy in between") {
		t.Errorf("an answer that is not JSON: %v", err)
	}
	if err := c.Call(t.Context(), http.MethodGet, "/cut", nil, &answer); err == nil || !strings.Contains(err.Error(), "read the answer of the program") {
		t.Errorf("half an answer: %v", err)
	}
}
