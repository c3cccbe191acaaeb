package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// ErrNotRunning says that no one answers at the socket.
var ErrNotRunning = errors.New("the connector is not running")

// answerMost bounds an answer, in bytes.
const answerMost = 64 << 20

// Client reaches a running connector over its Unix socket. It connects with each call.
type Client struct {
	socket string
	client *http.Client
}

// NewClient returns a client of the connector at a socket.
func NewClient(socket string) *Client {
	return &Client{socket, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true, // a command makes one request
	}}}
}

// refusedError is a connector's answer, of the kind given by its status.
type refusedError struct {
	text string
	kind error
}

func (e *refusedError) Error() string { return e.text }
func (e *refusedError) Unwrap() error { return e.kind }

// call sends a request, and decodes the answer into the given value unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, question, into any) error {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://connector"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err != nil {
		return fmt.Errorf("read the connector's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		var f serve.Answer
		if json.Unmarshal(text, &f) != nil || f.Error == "" {
			f.Error = strings.TrimSpace(resp.Status)
		}
		kind := map[int]error{http.StatusNotFound: ErrNoJob, http.StatusBadRequest: ErrRequest, http.StatusConflict: ErrRunning}[resp.StatusCode]
		return &refusedError{f.Error, kind}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the connector's answer: %w", err)
	}
	return nil
}

// explain says what keeps a command from reaching the connector.
func (c *Client) explain(err error) error {
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err // the address would mean nothing to a person
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: no answer at %s", ErrNotRunning, c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("reach the running connector: %w: run this command as its user", err)
	}
	return fmt.Errorf("reach the running connector: %w", err)
}

// Status returns the connector's state.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	s := new(Status)
	if err := c.call(ctx, http.MethodGet, "/api/status", nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Runs returns runs, newest first.
func (c *Client) Runs(ctx context.Context, w Which) ([]Run, error) {
	q := url.Values{"job": {w.Job}, "state": {w.State}, "open": {fmt.Sprint(w.Open)}, "before": {fmt.Sprint(w.Before)}, "limit": {fmt.Sprint(w.Limit)}}
	var l []Run
	return l, c.call(ctx, http.MethodGet, "/api/runs?"+q.Encode(), nil, &l)
}

// Refused returns a job's refused rows.
func (c *Client) Refused(ctx context.Context, job string, after int64, limit int) ([]Refused, error) {
	var l []Refused
	return l, c.call(ctx, http.MethodGet, fmt.Sprintf("/api/jobs/%s/refused?after=%d&limit=%d", url.PathEscape(job), after, limit), nil, &l)
}

// Order runs a job; with wait, it returns the run's error when that has ended.
func (c *Client) Order(ctx context.Context, job string, o Order, wait bool) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/api/jobs/%s/%s?wait=%t", url.PathEscape(job), o.Kind, wait), Order{Date: o.Date}, nil)
}

// Pause pauses a job.
func (c *Client) Pause(ctx context.Context, job, reason string) error {
	return c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(job)+"/pause", map[string]string{"reason": reason}, nil)
}

// Resume resumes a job.
func (c *Client) Resume(ctx context.Context, job string) error {
	return c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(job)+"/resume", nil, nil)
}

// Reload makes the connector read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/api/reload", nil, nil)
}

// Cancel ends a job's run.
func (c *Client) Cancel(ctx context.Context, job string) error {
	return c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(job)+"/cancel", nil, nil)
}
