package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// withAdapter writes a configuration and its adapters, and returns the configuration's path.
func withAdapter(t *testing.T, configuration any, adapters map[string]string) string {
	t.Helper()
	file := write(t, "connector.yaml", configuration)
	folder := filepath.Join(filepath.Dir(file), "adapters")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range adapters {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// both is an adapter that pushes to a receiver, and pulls two pages.
const both = `
exports.push = async (batch, {rest, settings, options, reject, job, id}) => {
  const good = batch.filter(o => o.row?.email !== 'bad' || void reject(o, settings.why))
  await rest.post(options.path, {events: good.map(o => ({id: o.event, kind: o.kind, key: o.key, row: {...o.row, job}}))}, {headers: {'Idempotency-Key': id}})
}
exports.pull = (since, {page = 1}) => ({rows: [{id: page, email: 'p' + page + since}], next: page < 2 ? page + 1 : undefined})
`

// usersTo is a configuration that carries users from a database to an adapter, and back into another table.
func usersTo(t *testing.T, address string) (*mysqldb.DB, map[string]any) {
	t.Helper()
	db := testkit.Schema(t, "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(40))", "CREATE TABLE pulled (id INT PRIMARY KEY, email VARCHAR(40))", "INSERT INTO users VALUES (1, 'a'), (2, 'bad'), (3, 'c')")
	shop := map[string]any{"type": "mysql"}
	maps.Copy(shop, testkit.Shared(t).Keys(db.Name))
	service := map[string]any{"type": "custom", "url": address, "settings": map[string]any{"why": "not a user"}}
	return db, map[string]any{
		"sources": map[string]any{"shop": shop, "erp": service}, "destinations": map[string]any{"shop": shop, "erp": service},
		"jobs": map[string]any{
			"out": map[string]any{"from": map[string]any{"source": "shop", "table": "users", "key": "id"}, "to": map[string]any{"destination": "erp", "options": map[string]any{"path": "/in"}}},
			"in":  map[string]any{"from": map[string]any{"source": "erp", "key": "id"}, "to": map[string]any{"destination": "shop", "table": "pulled"}},
		},
	}
}

// The built program runs an adapter in its sandbox.
func TestD02AnOwnAdapterPushesAndPulls(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	db, configuration := usersTo(t, s.URL)
	file := withAdapter(t, configuration, map[string]string{"custom.js": both})
	out, err := exec.Command(exe, "start", file, "--test").CombinedOutput()
	if err != nil || len(s.Requests()) != 0 || !strings.Contains(string(out), "would rest.post: POST") {
		t.Errorf("a dry run sent %d requests, %v\n%s", len(s.Requests()), err, out)
	}
	for range 2 {
		out, err = exec.Command(exe, "start", file, "--once").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "refused rows: 1") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if got := fmt.Sprint(s.Rows()); got != `map[1:{"email":"a","id":1,"job":"out"} 3:{"email":"c","id":3,"job":"out"}]` && got != `map[1:{"id":1,"email":"a","job":"out"} 3:{"id":3,"email":"c","job":"out"}]` {
		t.Errorf("it has %s", got)
	}
	if printed, err := execute(t, "refused", file, "out"); err != nil || !strings.Contains(printed, "not a user") {
		t.Errorf("exit code or output is wrong: %s, %v", printed, err)
	}
	var pulled []string
	if err := db.SelectContext(t.Context(), &pulled, "SELECT email FROM pulled ORDER BY id"); err != nil || strings.Join(pulled, " ") != "p1null p2null" {
		t.Errorf("pulled %v, %v", pulled, err)
	}
}

// A process that is killed while an adapter pushes loses nothing, and pushes the same events again.
func TestD02KilledWhileAnAdapterPushes(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	_, configuration := usersTo(t, s.URL)
	delete(configuration["jobs"].(map[string]any), "in")
	file := withAdapter(t, configuration, map[string]string{"custom.js": strings.ReplaceAll(both, "'bad'", "'none'")})
	arrived := make(chan struct{})
	s.Fail(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 1 {
			return false
		}
		s.Carry(w, r)
		close(arrived)
		<-r.Context().Done() // until it is killed
		return true
	})
	c := exec.Command(exe, "start", file, "--once")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	for range 2 {
		if out, err := exec.Command(exe, "start", file, "--once").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if len(s.Rows()) != 3 || s.Events() != 3 || len(s.Requests()) != 2 {
		t.Errorf("%d rows of %d events in %d requests", len(s.Rows()), s.Events(), len(s.Requests()))
	}
}

// An unchanged file of DataCollect may name a user's adapter, which gets all its fields.
func TestD01D02AnExternalSyncFileNamesAnOwnAdapter(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	db, configuration := usersTo(t, s.URL)
	shop := configuration["sources"].(map[string]any)["shop"].(map[string]any)
	testkit.Exec(t, db, "CREATE TABLE events (guid CHAR(36) PRIMARY KEY, type VARCHAR(40), data JSON, timestamp DATETIME(3))",
		"INSERT INTO events VALUES ('g-1', 'create', '{}', '2026-01-01 00:00:00')")
	file := withAdapter(t, map[string]any{
		"sources": map[string]any{"dc": shop}, "destinations": map[string]any{"dc": shop},
		"jobs": map[string]any{"survey": map[string]any{"externalSyncFile": "app.json", "events": map[string]any{"source": "dc", "table": "events"}, "pullTo": map[string]any{"destination": "dc", "table": "events"}}},
	}, map[string]string{"custom-adapter.js": `
exports.push = (batch, {rest, settings, id}) => rest.post('', {events: batch.map(o => ({id: o.event, kind: o.kind, key: o.key, row: settings}))}, {headers: {'Idempotency-Key': id}})
exports.pull = () => [{guid: 'g-2', type: 'external-pull', data: {}, timestamp: '2026-01-02T00:00:00.000Z'}]
`})
	// The example from DataCollect's manual.
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "app.json"), fmt.Appendf(nil, `{"externalSync": {"type": "custom-adapter", "auth": "basic", "url": %q, "extraFields": [
  {"name": "username", "value": "sync_user"}, {"name": "password", "value": "secure_password"}, {"name": "database", "value": "production_db"}, {"name": "syncInterval", "value": "300000"}]}}`, s.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := execute(t, "start", file, "--once"); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(s.Rows()); got != `map[g-1:{"database":"production_db","password":"secure_password","syncInterval":"300000","username":"sync_user"}]` {
		t.Errorf("it has %s", got)
	}
	if user, password, ok := basic(s.Requests()[0].Header); !ok || user != "sync_user" || password != "secure_password" {
		t.Errorf("sent %v", s.Requests()[0].Header)
	}
}

// basic returns a request's user and password.
func basic(h http.Header) (user, password string, ok bool) {
	return (&http.Request{Header: h}).BasicAuth()
}

func TestD02AnUnknownTypeListsTheKnownOnes(t *testing.T) {
	t.Parallel()
	_, configuration := usersTo(t, "https://erp.example")
	types := func(source, destination string) {
		configuration["sources"].(map[string]any)["erp"].(map[string]any)["type"] = source
		configuration["destinations"].(map[string]any)["erp"] = map[string]any{"type": destination, "url": "https://erp.example"}
	}
	for _, c := range []struct {
		source, destination, adapter, text string
		want                               string
	}{
		{"custm", "custom", "custom.js", both, `sources.erp.type: "custm" is not one of mysql, … custom; did you mean "custom"?`},
		{"custom", "custom", "other.js", both, `destinations.erp.type: "custom" is not one of airtable, … other`},
		{"custom", "custom", "custom.js", "exports.push = () => {}", "jobs.in.from.source: adapters/custom.js does not export pull"},
		{"custom", "custom", "custom.js", "exports.pull = () => []", "jobs.out.to[0].destination: adapters/custom.js does not export push"},
		{"custom", "custom", "custom.js", "exports.pull = ]", "destinations.erp.type: adapters/custom.js:1: SyntaxError"},
		{"custom", "custom", "airtable.js", both, `adapters/airtable.js: "airtable" is a type that the connector has; rename the file`},
	} {
		types(c.source, c.destination)
		file := withAdapter(t, configuration, map[string]string{c.adapter: c.text})
		_, err := execute(t, "start", file, "--once")
		mistakes, _ := errors.AsType[keys.Mistakes](err)
		first, last, _ := strings.Cut(c.want, "…")
		if !strings.Contains(mistakes.Located(), first) || !strings.Contains(mistakes.Located(), last) || command.ExitCode(err) != command.ExitUsage {
			t.Errorf("%v\n%s\nwant %s", err, mistakes.Located(), c.want)
		}
		if strings.Contains(mistakes.Located(), "unknown") { // an unusable block has no further mistakes
			t.Errorf("reported more mistakes than there are:\n%s", mistakes.Located())
		}
		if list, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.db*")); len(list) != 0 {
			t.Errorf("something was written: %v", list)
		}
	}
}
