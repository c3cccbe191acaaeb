package connector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The same recordings as for YAML, with the original's JavaScript.
func TestF02ReplaysTheOriginalsScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/fliplet/*.json")
	if err != nil || len(files) < 16 {
		t.Fatalf("got %d transcripts, want at least 16: %v", len(files), err)
	}
	for _, file := range files {
		var c transcript
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			c.replayScript(t)
		})
	}
}

func (c *transcript) replayScript(t *testing.T) {
	db := testkit.Schema(t, table)
	testkit.Exec(t, db, fmt.Sprintf("ALTER TABLE g AUTO_INCREMENT = %d", c.first()), c.Rows)
	service := standin.NewFliplet("EU--1", 123)
	t.Cleanup(service.Close)
	for _, e := range c.Remote {
		service.Put(123, standin.FlipletEntry{ID: e.ID, Data: e.Data})
	}
	service.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		status, fails := answers[c.Case][r.URL.Path]
		if fails {
			w.WriteHeader(status)
		}
		return fails
	})
	server := testkit.Shared(t)
	config := strings.TrimSuffix(c.Config, ",")
	if config != "" {
		config = ", " + config
	}
	file := filepath.Join(t.TempDir(), "sample.js")
	operation := strings.TrimSuffix(strings.TrimPrefix(c.Operation, "{"), "}")
	text := fmt.Sprintf(`module.exports.config = {authToken: 'EU--1', baseURL: %q,
  database: {dialect: 'mysql', host: %q, port: %d, username: %q, password: %q, database: %q, logging: () => {}}%s};
module.exports.setup = (agent) => {
  agent.push({description: 'x', sourceQuery: db => db.query('SELECT * FROM g ORDER BY n'), targetDataSourceId: 123, %s});
};
`, service.URL, server.Host, server.Port, server.User, server.Password, db.Name, config, operation)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _, err := agent.Plan(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	con, err := connector.New(p, connector.Options{Log: zaptest.NewLogger(t), State: filepath.Join(t.TempDir(), "connector.db"), Pause: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = con.Run(context.Background())
	c.compare(t, service.Requests(), err)
}
