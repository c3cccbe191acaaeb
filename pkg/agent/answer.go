package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// The first letter of what agent.js asks for says what it is.
const (
	asksRows  = 'R' // of a statement that reads
	asksWrite = 'W' // any statement
	asksHTTP  = 'H' // a request, as JSON
)

// Query answers a script.
func (s *Script) Query(ctx context.Context, _, text string) ([]value.Entity, error) {
	if text == "" {
		return nil, errors.New("the statement is empty")
	}
	kind, text := text[0], text[1:]
	switch kind {
	case asksRows, asksWrite:
		return s.statement(ctx, text, kind == asksWrite)
	case asksHTTP:
		return s.request(ctx, []byte(text))
	}
	return nil, errors.New("an unknown request")
}

// Publish refuses: a connector's scripts have no broker.
func (*Script) Publish(context.Context, string, []byte, byte, bool) error {
	return errors.New("there is no broker")
}

// statement runs a statement, and returns its rows.
func (s *Script) statement(ctx context.Context, text string, write bool) ([]value.Entity, error) {
	if s.reads == nil {
		return nil, errors.New("there is no database; add config.database")
	}
	var list []value.Entity
	size := 0
	take := func(e value.Entity) error {
		for _, f := range e {
			size += sizeOf(f)
		}
		if size > mostText {
			return fmt.Errorf("the statement returned more than %d MiB; return db.query(…) itself, which is streamed, or select less", mostText>>20)
		}
		list = append(list, e)
		return nil
	}
	if !write {
		err := s.reads.Query(ctx, text, take)
		return list, err
	}
	if s.writes == nil {
		return nil, remote.ErrDry
	}
	rows, err := s.writes.QueryContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("run the statement: %w", err)
	}
	defer rows.Close()
	if err := source.Entities(s.dialect, rows, take); err != nil {
		return nil, err
	}
	return list, rows.Err()
}

// sizeOf is how many bytes a field takes, about.
func sizeOf(f value.Field) int {
	const overhead = 64
	switch v := f.Value.(type) {
	case string:
		return overhead + len(v)
	case []byte:
		return overhead + len(v)
	case json.RawMessage:
		return overhead + len(v)
	}
	return overhead
}

// question is a request of a script, as axios has it.
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

// request sends a request, and returns the answer as a single row.
func (s *Script) request(ctx context.Context, text []byte) ([]value.Entity, error) {
	var q question
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, errors.New("rest: params and headers must be objects of plain values")
	}
	u, err := url.Parse(q.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("rest: the URL must be whole, and begin with https://")
	}
	client, err := s.client(u)
	if err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	if q.Method != http.MethodGet && q.Method != http.MethodPost {
		return nil, fmt.Errorf("rest: %s is not supported; use GET or POST", q.Method)
	}
	r := &remote.Request{Operation: "read " + u.Host, Method: q.Method, Path: u.RequestURI(), Query: url.Values{}, Header: http.Header{}, Read: q.Method == http.MethodGet}
	for name, v := range q.Params {
		r.Query.Set(name, fmt.Sprint(v))
	}
	for name, v := range q.Headers {
		r.Header.Set(name, v)
		r.Secrets = append(r.Secrets, v)
	}
	if q.Auth != nil {
		client = client.With(remote.Basic(q.Auth.Username, q.Auth.Password))
	}
	if len(q.Data) > 0 && q.Method != http.MethodGet {
		r.Body = q.Data
	}
	answer, err := client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	e := value.Entity{{Name: "status", Value: int64(answer.Status)}}
	if json.Valid(answer.Body) {
		return []value.Entity{append(e, value.Field{Name: "data", Value: json.RawMessage(answer.Body)})}, nil
	}
	return []value.Entity{append(e, value.Field{Name: "data", Value: strings.ToValidUTF8(string(answer.Body), "�")})}, nil
}

// client is the one for an address's host.
func (s *Script) client(u *url.URL) (*remote.Client, error) {
	base := u.Scheme + "://" + u.Host
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[base]; c != nil {
		return c, nil
	}
	config := s.config.Remote
	config.Base = base
	c, err := remote.New(config)
	if err == nil {
		s.clients[base] = c
	}
	return c, err
}
