package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Request is a request that a stand-in received.
type Request struct {
	Method string
	Path   string // with the query
	Header http.Header
	Body   []byte
}

// Fault handles a request in place of the service. It returns false to let the service handle it.
type Fault func(w http.ResponseWriter, r *http.Request, n int) bool

// server is common to all stand-ins: it records each request and offers it to the current fault
// first. n counts this server's requests from 1.
type server struct {
	*httptest.Server

	mu       sync.Mutex
	requests []Request
	fault    Fault
	token    string // accepted by the service, if it asks for one
}

// begin starts a server for a service.
func (s *server) begin(service http.HandlerFunc) {
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
		if err != nil {
			return // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.requests = append(s.requests, Request{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
		n, fault := len(s.requests), s.fault
		s.mu.Unlock()
		if fault != nil && fault(w, r, n) {
			return
		}
		service(w, r)
	}))
}

// Accept makes the service accept another token from now on.
func (s *server) Accept(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// accepted returns the token that the service accepts.
func (s *server) accepted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// Requests returns all requests received.
func (s *server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Fail makes a fault handle requests from now on; nil ends that.
func (s *server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// answer sends a value as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"error": message})
}
