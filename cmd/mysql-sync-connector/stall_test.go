package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A query of which no row comes, and a service that sends a byte now and then, do not keep a run from ending.
func TestARunWithoutNewRowsFails(t *testing.T) {
	t.Parallel()
	server, db, postgres := testkit.Shared(t), testkit.Schema(t), testkit.Postgres(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"entries":[`)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}))
	t.Cleanup(service.Close)
	mysql := map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}
	for name, c := range map[string]struct {
		source map[string]any
		query  string
	}{
		"mysql":    {mysql, "SELECT 1 AS id, SLEEP(600)"},
		"postgres": {map[string]any{"type": "postgres", "host": postgres.Host, "port": postgres.Port, "user": postgres.User, "database": postgres.Schema(t)}, "SELECT 1 AS id, pg_sleep(600)::text"},
		"fliplet":  {mysql, "SELECT 1 AS id"}, // the destination is silent
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "connector.yaml", map[string]any{
				"sources":      map[string]any{"in": c.source},
				"destinations": map[string]any{"app": map[string]any{"type": "fliplet", "token": "eu--1", "baseURL": service.URL}},
				"jobs": map[string]any{"j": map[string]any{
					"from": map[string]any{"source": "in", "query": c.query, "key": "id", "stall": "100ms"},
					"to":   map[string]any{"destination": "app", "dataSource": 1},
				}},
			})
			if _, err := execute(t, "start", file, "--once"); err == nil || !strings.Contains(err.Error(), "no row has come for 100ms; if that can be right, raise stall in the job's from") {
				t.Errorf("got %v", err)
			}
		})
	}
}
