package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
)

// update rewrites the documentation, in "make docs".
var update = flag.Bool("update", false, "write docs/connector-commands.md from the commands")

func TestDocumentation(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "connector-commands.md")
	want := command.Manual(root(), "The output of `mysql-sync-connector COMMAND --help`. The configuration file is the first argument of each command.")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s differs from the commands (%v); run make docs", path, err)
	}
}

// Each command's help has an example, and explains its exit codes.
func TestEachCommandTeaches(t *testing.T) {
	for _, what := range command.Untaught(root()) {
		t.Error(what)
	}
}
