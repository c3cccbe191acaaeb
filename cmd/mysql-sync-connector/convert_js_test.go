package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// A configuration cannot hold a script's functions, which is reported once.
func TestAScriptOfFlipletAgentIsNotConverted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sample.js")
	text := `module.exports.config = {authToken: 'eu--1', database: {dialect: 'sqlite', storage: 'shop.db'}}
module.exports.setup = agent => {
  agent.push({sourceQuery: db => db.query('SELECT id FROM a'), primaryColumnName: 'id', targetDataSourceId: 1, mode: 'update'})
}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := execute(t, "convert", file)
	if !errors.Is(err, plan.ErrCode) || err.Error() != plan.ErrCode.Error() || command.ExitCode(err) != command.ExitFailed || out != "" {
		t.Errorf("it printed %q and reported %v", out, err)
	}
}
