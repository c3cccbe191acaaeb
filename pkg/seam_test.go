package layers_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is the package of the triggers, one of the capture.Sources.
const source = "pkg/capture/trigger"

// sources are the packages of all of them.
var sources = []string{source, "pkg/capture/log"}

// chooser is the one package that chooses it, for those that run a node and those that check or clean its database.
const chooser = "pkg/capture/choice"

// player plays the log, and runs its source on it.
const player = "pkg/simulation"

// knowers are the other places that may name the triggers' table.
var knowers = map[string]string{
	"pkg/schema":             "its migrations, and an existing peer's table that is taken over",
	"cmd/mysql-sync/root.go": "the help says what is in the database",
	"pkg/capture/log":        "what triggers on parents say is read from the log",
	"pkg/testkit":            "tests wait until everything is captured",
	"pkg/simulation":         "the database is played",
	"cmd/mysql-sync-bench":   "what is captured is measured",
	"cmd/mysql-sync-soak":    "what is captured is measured",
}

// TestOneSourceKnowsItsTable: all but the triggers' own package use a capture.Source, so that there can be another.
func TestOneSourceKnowsItsTable(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../pkg", "../cmd"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil || !strings.Contains(string(text), "table_changes") {
				return err
			}
			name = strings.TrimPrefix(filepath.ToSlash(name), "../")
			found[name] = true
			for where := range knowers {
				if within(name, where) {
					return nil
				}
			}
			if !within(name, source) {
				t.Errorf("%s names table_changes: ask the capture.Source", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for where, why := range knowers {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(name string) bool { return within(name, where) }) {
			t.Errorf("%s does not name table_changes (%s): remove it from this test", where, why)
		}
	}
}

// TestOnlyTheChooserImportsASource: all others are given one.
func TestOnlyTheChooserImportsASource(t *testing.T) {
	for from, list := range readImports(t) {
		for _, source := range sources {
			if slices.Contains(list, module+source) && from != chooser && (from != player || source == sources[0]) {
				t.Errorf("%s imports %s: it must be given a capture.Source, or ask %s for one", from, source, chooser)
			}
		}
	}
}
