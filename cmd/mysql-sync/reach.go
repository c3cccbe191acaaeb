package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// reach returns a configuration's node: the running one or, if it is stopped, its state in the database. The caller must
// call done.
func reach(ctx context.Context, cfg *config.Config) (n status.Node, running bool, done func(), err error) {
	a := apiOf(cfg)
	err = a.within(ctx, "/healthz", nil)
	if err == nil {
		return a, true, func() {}, nil
	}
	if !errors.Is(err, serve.ErrNotRunning) {
		return nil, false, nil, err
	}
	db, err := connect(ctx, cfg)
	if err != nil {
		return nil, false, nil, fmt.Errorf("the node is not running, and its database cannot be reached: %w", err)
	}
	if err := schema.CheckReady(ctx, db); err != nil {
		_ = db.Close() // the first error is the one to report
		return nil, false, nil, fmt.Errorf("the node is not running, and its state cannot be read: %w", err)
	}
	return stopped(cfg, db), false, func() { _ = db.Close() }, nil // nothing is written after that
}

// State returns the node's state.
func (a *api) State(ctx context.Context) (*status.State, error) {
	var s status.State
	return &s, a.call(ctx, http.MethodGet, "/api/status", nil, &s)
}

// Errors returns refused rows.
func (a *api) Errors(ctx context.Context, of status.Rows, limit int) (list []status.RowError, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for key, value := range map[string]string{"remote": of.Remote, "table": of.Table, "id": of.ID} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return list, a.call(ctx, http.MethodGet, "/api/errors?"+q.Encode(), nil, &list)
}

// Retry resends refused rows.
func (a *api) Retry(ctx context.Context, of status.Rows) (int64, error) {
	var r web.Retried
	err := a.call(ctx, http.MethodPost, "/api/retry", of, &r)
	return r.Rows, err
}

// Conflicts returns conflicts, the latest first.
func (a *api) Conflicts(ctx context.Context, of status.ConflictsAsk) (list []status.Conflict, err error) {
	q := url.Values{"before": {strconv.FormatUint(of.Before, 10)}, "limit": {strconv.Itoa(of.Limit)}}
	for key, value := range map[string]string{"table": of.Table, "row": of.Row, "find": of.Find} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if of.Dismissed {
		q.Set("dismissed", "true")
	}
	return list, a.call(ctx, http.MethodGet, "/api/conflicts?"+q.Encode(), nil, &list)
}

// Conflict returns one conflict, with the current row.
func (a *api) Conflict(ctx context.Context, conflict uint64) (*status.ConflictNow, error) {
	var c status.ConflictNow
	return &c, a.call(ctx, http.MethodGet, "/api/conflicts/"+strconv.FormatUint(conflict, 10), nil, &c)
}

// PutBack restores the row that lost a conflict.
func (a *api) PutBack(ctx context.Context, conflict uint64, how status.PutBack) error {
	return a.call(ctx, http.MethodPost, "/api/conflicts/"+strconv.FormatUint(conflict, 10)+"/put-back", how, nil)
}

// Dismiss takes conflicts off the list, or brings them back.
func (a *api) Dismiss(ctx context.Context, d status.Dismiss) (int64, error) {
	var done web.Dismissed
	err := a.call(ctx, http.MethodPost, "/api/conflicts/dismiss", d, &done)
	return done.Conflicts, err
}

// KeepBoth inserts the row that lost a conflict under another key.
func (a *api) KeepBoth(ctx context.Context, conflict uint64, how status.KeepBoth) (string, error) {
	var both web.Both
	err := a.call(ctx, http.MethodPost, "/api/conflicts/"+strconv.FormatUint(conflict, 10)+"/keep-both", how, &both)
	return both.ID, err
}

// Pause pauses sending.
func (a *api) Pause(ctx context.Context, p status.PauseAsk) error {
	return a.call(ctx, http.MethodPost, "/api/pause", p, nil)
}

// Resume ends pauses.
func (a *api) Resume(ctx context.Context, of status.ResumeAsk) (ended []status.Pause, err error) {
	return ended, a.call(ctx, http.MethodPost, "/api/resume", of, &ended)
}

// Resync resends a table.
func (a *api) Resync(ctx context.Context, r status.Resync) error {
	return a.call(ctx, http.MethodPost, "/api/resync", r, nil)
}
