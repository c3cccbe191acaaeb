package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
)

func TestAScriptTransformsRowsForItsDestination(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	configuration := ownOf(keys)
	job := configuration["jobs"].(map[string]any)["users"].(map[string]any)
	job["transform"] = "my-users.js"
	file := write(t, "connector.json", configuration)
	script := func(text string) {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "my-users.js"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script(`module.exports = c => c.entity.id === 2 ? null : {...c.entity, said: [c.job, c.source, c.target, c.table].join()}`)
	if _, err := execute(t, "start", file, "--once"); err != nil {
		t.Fatal(err)
	}
	list := service.Entries(123)
	if len(list) != 1 || !strings.Contains(string(list[0].Data), `"said":"users,shop,app,users"`) {
		t.Errorf("%v", list)
	}
	// A script that fails on a row leaves it out, and lets the others through.
	script(`module.exports = c => { if (c.entity.id === 1) throw new Error("no ones"); return c.entity }`)
	if _, err := execute(t, "start", file, "--once"); err == nil || !strings.Contains(err.Error(), "1 of 2 rows are unusable") {
		t.Errorf("%v", err)
	}
	if list := service.Entries(123); len(list) != 2 || !strings.Contains(string(list[0].Data), "said") {
		t.Errorf("%v", list)
	}
	script(`module.exports = 1`)
	if _, err := execute(t, "start", file, "--once"); command.ExitCode(err) != command.ExitUsage || !strings.Contains(err.Error(), "jobs.users.to[0].transform") {
		t.Errorf("%v", err)
	}
}
