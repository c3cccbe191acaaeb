package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// AsksHTTP is the first letter of a question from guest.js that is a request.
const AsksHTTP = 'H'

// Web makes the requests of scripts. It is safe for concurrent use.
type Web struct {
	config remote.Config
	own    *remote.Client // for the service that the script is for; nil: none

	mu      sync.Mutex
	clients map[string]*remote.Client // for other services, by address
}

// NewWeb returns a Web. shared is the configuration that all services share. Requests without a host, and those to own's
// host, go through own, which may be nil.
func NewWeb(shared remote.Config, own *remote.Client) *Web {
	return &Web{config: shared, own: own, clients: map[string]*remote.Client{}}
}

// question is a script's request, in the form of axios.
type question struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Params  map[string]any    `json:"params"`
	Headers map[string]string `json:"headers"`
	Auth    *struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"auth"`
	Data json.RawMessage `json:"data"`
}

// methods are the methods that scripts may use. All except GET write.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// overrides are headers that override a request's method at some services.
var overrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// Answer sends a request, and returns the answer as a single row with status, headers and data. Before it returns, it tells
// sent, which may be nil, whether the request may have changed something. The error is from remote.Client.Do, or says what
// is wrong with the request.
func (w *Web) Answer(ctx context.Context, text string, sent func(wrote bool, err error)) ([]value.Entity, error) {
	var q question
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		return nil, errors.New("rest: params and headers must be objects of plain values")
	}
	client, r, err := w.request(&q)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(ctx, r)
	if sent != nil && !r.Read {
		e, known := errors.AsType[*remote.Error](err)
		sent(err == nil || known && e.Next.Do == remote.Doubt, err)
	}
	if err != nil {
		return nil, err
	}
	headers := make(map[string]string, len(answer.Header))
	for name, list := range answer.Header {
		headers[strings.ToLower(name)] = strings.Join(list, ", ")
	}
	shown, err := json.Marshal(headers)
	if err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	e := value.Entity{{Name: "status", Value: int64(answer.Status)}, {Name: "headers", Value: json.RawMessage(shown)}}
	if json.Valid(answer.Body) {
		return []value.Entity{append(e, value.Field{Name: "data", Value: json.RawMessage(answer.Body)})}, nil
	}
	return []value.Entity{append(e, value.Field{Name: "data", Value: strings.ToValidUTF8(string(answer.Body), "�")})}, nil
}

// request returns what to send, and the client for it.
func (w *Web) request(q *question) (*remote.Client, *remote.Request, error) {
	if !slices.Contains(methods, q.Method) {
		return nil, nil, fmt.Errorf("rest: %s is not supported; use one of %s", q.Method, strings.Join(methods, ", "))
	}
	client, path, err := w.client(q.URL)
	if err != nil {
		return nil, nil, err
	}
	read := q.Method == http.MethodGet
	r := &remote.Request{Operation: "rest." + strings.ToLower(q.Method), Method: q.Method, Path: path, Query: url.Values{}, Header: http.Header{}, Read: read}
	for name, v := range q.Params {
		r.Query.Set(name, fmt.Sprint(v))
	}
	for name, v := range q.Headers {
		r.Header.Set(name, v)
		r.Secrets = append(r.Secrets, v)
	}
	overridden := slices.ContainsFunc(overrides, func(name string) bool { return r.Header.Get(name) != "" })
	r.Read = r.Read && !overridden
	// Sent twice, these have the same effect as once.
	r.Again = !overridden && (q.Method == http.MethodPut || q.Method == http.MethodDelete) || r.Header.Get("Idempotency-Key") != ""
	if q.Auth != nil {
		client = client.With(remote.Basic(q.Auth.Username, q.Auth.Password))
	}
	if len(q.Data) > 0 && !read {
		r.Body = q.Data
	}
	return client, r, nil
}

// mostHosts bounds how many hosts a script may use.
const mostHosts = 100

// client returns the client for an address, and the path to request from it.
func (w *Web) client(address string) (*remote.Client, string, error) {
	u, err := url.Parse(address)
	whole := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
	switch {
	case whole && w.own != nil && w.own.Owns(u), err == nil && u.Scheme == "" && u.Host == "" && w.own != nil:
		return w.own, address, nil
	case !whole:
		return nil, "", errors.New("rest: expected an absolute URL that starts with https://")
	}
	base := u.Scheme + "://" + u.Host
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clients[base]
	switch {
	case c != nil:
	case len(w.clients) == mostHosts:
		return nil, "", fmt.Errorf("rest: the script may use at most %d hosts", mostHosts)
	default:
		config := w.config
		config.Base = base
		if c, err = remote.New(config); err != nil {
			return nil, "", fmt.Errorf("rest: %w", err)
		}
		w.clients[base] = c
	}
	return c, u.RequestURI(), nil
}
