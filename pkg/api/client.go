package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// ErrNotRunning says that no one answers at the socket.
var ErrNotRunning = serve.ErrNotRunning

// Client reaches a running connector over its Unix socket. It connects with each call.
type Client struct{ client *serve.Client }

// NewClient returns a client of the connector at a socket.
func NewClient(socket string) *Client {
	return &Client{serve.NewClient("the connector", socket)}
}

// meant are the errors of a Connector by the kinds that its answers have; see kinds.
var meant = map[error]error{serve.ErrNotFound: ErrNoJob, serve.ErrRequest: ErrRequest, serve.ErrConflict: ErrRunning}

// call sends a request, and decodes the answer into the given value unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, question, into any) error {
	err := c.client.Call(ctx, method, path, question, into)
	for kind, its := range meant {
		if errors.Is(err, kind) {
			return serve.Kind(its, err)
		}
	}
	return err
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

// Clear takes a job's failed runs off the list of those that need a person: of one report date, or of all ("").
func (c *Client) Clear(ctx context.Context, job, date string) error {
	return c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(job)+"/clear", map[string]string{"date": date}, nil)
}

// Cancel ends a job's run.
func (c *Client) Cancel(ctx context.Context, job string) error {
	return c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(job)+"/cancel", nil, nil)
}
