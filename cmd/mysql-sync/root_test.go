package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestHelpListsCommandsInOrder(t *testing.T) {
	t.Parallel()
	code, out, _ := testkit.Output(t, "--help")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	at := -1
	for _, heading := range []string{"Set up:", "Run:", "Watch and repair:", "Remove:"} {
		next := strings.Index(out, heading)
		if next <= at {
			t.Fatalf("%q is at %d, after %d, in\n%s", heading, next, at, out)
		}
		at = next
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	_, text, _ := testkit.Output(t, "version")
	code, out, _ := testkit.Output(t, "version", "--json")
	v := parse[struct{ Version, Go, Platform string }](t, out)[0]
	if code != 0 || v.Version != strings.TrimSpace(text) || !strings.HasPrefix(v.Go, "go1.") || !strings.Contains(v.Platform, "/") {
		t.Errorf("exit code %d: %+v, %s", code, v, text)
	}
}

func TestShellCompletion(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, map[string]any{"syncTables": []string{"orders", "items"}, "acceptFrom": []string{"node-d", "node-b"}})
	for line, want := range map[string][]string{
		"status ":                               {"json", "yaml", "yml", "toml", ":8"},
		"errors " + a.File + " --remote ":       {"node-b", "node-c", ":4"},
		"errors " + a.File + " --table ":        {"orders", "items", ":4"},
		"resync " + a.File + " ":                {"orders", "items", ":4"},
		"resync " + a.File + " orders ":         {":4"},
		"verify " + a.File + " orders ":         {"items", ":4"},
		"transform test " + a.File + " ":        {"items", "orders", ":4"},
		"transform test " + a.File + " --from ": {"node-b", "node-c", "node-d", ":4"},
		"log-level " + a.File + " ":             {"error", "warn", "info", "debug", "trace", ":4"},
		"resync /nowhere.json ":                 {":4"},
		"run ":                                  {"json", "yaml", "yml", "toml", ":8"},
	} {
		_, out, _ := testkit.Output(t, append([]string{"__complete"}, strings.Split(line, " ")...)...)
		if got := strings.Fields(out); !slices.Equal(got, want) {
			t.Errorf("completion of %q: got %q, want %q", line, got, want)
		}
	}
	code, out, _ := testkit.Output(t, "completion", "bash")
	if code != 0 || !strings.Contains(out, "__start_mysql-sync") {
		t.Errorf("completion bash: exit code %d", code)
	}
}

func TestWrongCommandLinesAreUsageErrors(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"status", "retry a b", "resync a", "log-level a", "log-level a loud", "transform test a b", "schema x", "version x",
		"status /nowhere.json", "acl", "a b"} {
		if code, out, said := testkit.Output(t, strings.Fields(line)...); code != 2 || out != "" || !strings.HasPrefix(said, "mysql-sync: ") {
			t.Errorf("%s: exit code %d, %q, %q", line, code, out, said)
		}
	}
	for line, want := range map[string]string{
		"status":             "0 arguments are given; usage: mysql-sync status CONFIGURATION [flags]",
		"schema x":           "1 argument is given; usage: mysql-sync schema",
		"statu a.json":       `"statu" is neither a command nor a file; did you mean status?`,
		"chek":               `"chek" is neither a command nor a file; did you mean check?`,
		"nothing-like-it":    `"nothing-like-it" is neither a command nor a file; mysql-sync --help lists the commands`,
		"help chekc":         "did you mean check?",
		"check a --jsno":     "did you mean --json?; see mysql-sync check --help",
		"nothing.json":       "no such file",
		"transform tset a 1": "transform --help",
	} {
		if code, _, said := testkit.Output(t, strings.Fields(line)...); code != 2 || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d, got %q, want %q", line, code, said, want)
		}
	}
}
