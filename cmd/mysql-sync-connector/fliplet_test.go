package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// originally runs the built program with a file of Fliplet Agent. It returns what it prints for the user, and in the
// log.
func originally(t *testing.T, file string, more ...string) (out, log string, err error) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	c := exec.CommandContext(t.Context(), exe, append([]string{"start", file}, more...)...)
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}

// exitOf returns a process's exit code; -1 if it did not run.
func exitOf(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// sampleFile writes a configuration of Fliplet Agent.
func sampleFile(t *testing.T, keys map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sample.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestF14HooksArePassedOn(t *testing.T) {
	t.Parallel()
	for text, hooks := range map[string]any{`[]`: nil, `["insert"]`: []string{"insert"}, `["insert","update"]`: []string{"insert", "update"}} {
		service, keys := sample(t)
		keys["run_hooks"] = hooks
		if _, log, err := originally(t, sampleFile(t, keys)); err != nil {
			t.Fatal(err, log)
		}
		for _, r := range service.Requests() {
			var body struct {
				RunHooks json.RawMessage `json:"runHooks"`
			}
			if r.Method == http.MethodPost {
				if err := json.Unmarshal(r.Body, &body); err != nil || string(body.RunHooks) != text {
					t.Errorf("the hooks of a commit are %s, want %s, %v", body.RunHooks, text, err)
				}
			}
		}
	}
	for _, c := range []struct {
		hooks any
		want  string
	}{
		{[]string{"insert", "delete"}, `run_hooks: "delete" is not one of insert, update`},
		{[]string{"insert", "insert"}, `run_hooks: "insert" is there twice; remove one`},
		{"insert", `run_hooks: is not a list`},
	} {
		service, keys := sample(t)
		keys["run_hooks"] = c.hooks
		_, log, err := originally(t, sampleFile(t, keys))
		if exitOf(err) != 2 || !strings.Contains(log, c.want) || len(service.Requests()) > 0 {
			t.Errorf("%v: %v %s, %d requests; want %s", c.hooks, err, log, len(service.Requests()), c.want)
		}
	}
}

func TestF20TheDescriptionIsInTheLog(t *testing.T) {
	t.Parallel()
	const description = "Push my users every 15 minutes"
	for verbosity, want := range map[string]struct{ info, failure bool }{"debug": {true, true}, "info": {true, true}, "critical": {false, true}, "": {true, true}} {
		service, keys := sample(t)
		keys["description"] = description
		if verbosity != "" {
			keys["log_verbosity"] = verbosity
		}
		file := sampleFile(t, keys)
		kept := filepath.Join(filepath.Dir(file), "agent.log")
		_, log, err := originally(t, file, "--log-file", kept)
		if err != nil || strings.Contains(log, description) != want.info {
			t.Errorf("%q: %v, logged\n%s", verbosity, err, log)
		}
		service.Accept("another")
		_, more, err := originally(t, file, "--log-file", kept)
		if err == nil || strings.Contains(more, "run failed") != want.failure {
			t.Errorf("%q: %v, logged\n%s", verbosity, err, more)
		}
		content, err := os.ReadFile(kept)
		if more, _, _ = strings.Cut(more, "mysql-sync-connector: "); err != nil || string(content) != log+more {
			t.Errorf("the file has (%v)\n%s\nwant\n%s", err, content, log+more)
		}
		if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
	}
	_, keys := sample(t)
	_, log, err := originally(t, sampleFile(t, keys), "--log-file", t.TempDir())
	if exitOf(err) != 2 || !strings.Contains(log, "--log-file") {
		t.Errorf("with a folder as the log file: %v %s", err, log)
	}
}

// scriptFile writes a JavaScript configuration of Fliplet Agent for a sample's database. The operations are the
// body of its function setup.
func scriptFile(t *testing.T, keys map[string]any, operations string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sample.js")
	text := fmt.Sprintf(`// Save this into a file and run using "fliplet-agent start ./path/to/file.js"
module.exports.config = {
  // Fliplet authorisation token from Fliplet Studio
  authToken: %q, baseURL: %q,
  isDryRun: false,
  syncOnInit: true,
  database: {dialect: 'mysql', host: %q, port: %d, username: %q, password: %q, database: %q}
};

module.exports.setup = (agent) => {
%s
};
`, keys["auth_token"], keys["base_url"], keys["database_host"], keys["database_port"], keys["database_username"], keys["database_password"], keys["database_name"], operations)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestF02AJavaScriptConfigurationRunsUnchanged(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	service.Put(124)
	file := scriptFile(t, keys, `
  agent.push({
    description: 'Pushes data from my table to Fliplet',
    sourceQuery: (db) => db.query("SELECT id, email AS 'Email', updatedAt FROM users order by id asc;"),
    primaryColumnName: 'id',
    timestampColumnName: 'updatedAt',
    targetDataSourceId: 123
  });
  agent.push({
    description: 'and what I make of it',
    sourceQuery: async (db) => {
      const [rows] = await db.query('SELECT * FROM users WHERE id > :least AND id <> ?', {replacements: {least: 0}}).catch(() => [[]])
      const [all] = await db.query('SELECT * FROM users WHERE id IN (?)', {replacements: [[1, 2]]})
      return [...rows, ...all].map(row => ({id: row.id, year: row.updatedAt.getUTCFullYear() > 2000, name: row.email.split('@')[0]}))
    },
    primaryColumnName: 'id', mode: 'replace', targetDataSourceId: 124
  });`)
	service.Put(124, standin.FlipletEntry{ID: 9, Data: []byte(`{"id":9}`)})
	out, log, err := originally(t, file, "--test")
	if err != nil || !strings.Contains(out, `"Email":"a@b.de"`) || !strings.Contains(out, `"name":"a"`) || !strings.Contains(out, `"delete":[9]`) {
		t.Errorf("dry run: %v\n%s\n%s", err, out, log)
	}
	for _, r := range service.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("a dry run sent %s %s", r.Method, r.Path)
		}
	}
	if list, err := os.ReadDir(filepath.Dir(file)); err != nil || len(list) != 1 {
		t.Errorf("a dry run left %v, %v", list, err)
	}
	for range 2 {
		_, log, err = originally(t, file)
		first, second := service.Entries(123), service.Entries(124)
		if err != nil || len(first) != 2 || len(second) != 2 || string(second[0].Data) != `{"id":1,"year":true,"name":"a"}` {
			t.Fatalf("%v: %v and %v\n%s", err, first, second, log)
		}
	}
	at := strings.Index(log, "Pushes data from my table")
	if next := strings.Index(log, "and what I make of it"); at < 0 || next < at || !strings.Contains(log, "sample.js:12: mode: is missing") {
		t.Errorf("it logged\n%s", log)
	}
	commits := 0
	for _, r := range service.Requests() {
		if r.Method == http.MethodPost {
			commits++
		}
	}
	if commits != 2 {
		t.Errorf("%d commits, although nothing changed between the runs", commits)
	}
}

func TestF02MistakesInAScriptAreReportedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	for operations, want := range map[string]string{
		"  agent.push({sourceQuery: db => db.query('SELECT 1'), targetDataSourceId: 123, runHook: []})": `sample.js:11: runHook: unknown key; did you mean "runHooks"?`,
		"\n  require('lodash')": "sample.js:12: script: ",
	} {
		_, log, err := originally(t, scriptFile(t, keys, operations))
		if exitOf(err) != 2 || !strings.Contains(log, want) || len(service.Requests()) > 0 {
			t.Errorf("%v\n%s\nwant %s", err, log, want)
		}
	}
	file := scriptFile(t, keys, "  agent.push({sourceQuery: db => { while (true); }, targetDataSourceId: 123})")
	text, err := execute(t, "convert", file)
	if err == nil || !strings.Contains(err.Error(), "JavaScript functions") {
		t.Errorf("a script was converted: %v %s", err, text)
	}
}

// ask returns the single value of a query to a sample's database.
func ask(t *testing.T, keys map[string]any, query string) (answer string) {
	t.Helper()
	db := testkit.Shared(t).Connect(t, fmt.Sprint(keys["database_name"]))
	if err := db.QueryRowContext(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestF24EntriesArePulledIntoATable(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	for i := range int64(25) {
		service.Put(123, standin.FlipletEntry{ID: 100 + i, Data: fmt.Appendf(nil, `{"id":%d,"email":"e%d@f.de","office":%q}`, i, i, []string{"Berlin", "Boston"}[i%2])})
	}
	own := ownOf(keys)
	own["sources"] = map[string]any{"crm": own["destinations"].(map[string]any)["app"]}
	own["destinations"] = map[string]any{"shop": ownOf(keys)["sources"].(map[string]any)["shop"]}
	own["jobs"] = map[string]any{"pull": map[string]any{
		"from":  map[string]any{"source": "crm", "dataSource": 123, "where": map[string]any{"office": "Berlin"}, "attributes": []string{"id", "email"}, "key": "id", "page": 4},
		"to":    map[string]any{"destination": "shop", "table": "users", "mode": "replace"},
		"guard": map[string]any{"off": true},
	}}
	file := write(t, "connector.yaml", own)
	out, log, err := originally(t, file, "--test")
	if err != nil || !strings.Contains(out, "e24@f.de") || strings.Contains(out, "e1@f.de") {
		t.Errorf("a dry run: %v\n%s\n%s", err, out, log)
	}
	testkit.Exec(t, testkit.Shared(t).Connect(t, fmt.Sprint(keys["database_name"])), "DELETE FROM users")
	for range 2 {
		if _, log, err := originally(t, file, "--once"); err != nil {
			t.Fatal(err, log)
		}
		got := ask(t, keys, "SELECT GROUP_CONCAT(email ORDER BY id) FROM users")
		if want := "e0@f.de,e2@f.de,e4@f.de,e6@f.de,e8@f.de,e10@f.de,e12@f.de,e14@f.de,e16@f.de,e18@f.de,e20@f.de,e22@f.de,e24@f.de"; got != want {
			t.Errorf("the table has %s", got)
		}
	}
	for _, r := range service.Requests() {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/data/query") {
			t.Errorf("sent %s %s", r.Method, r.Path)
		}
	}
}

func TestF24AScriptPulls(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	service.Put(123, standin.FlipletEntry{ID: 5, Data: []byte(`{"Name":"O'Neil","Foo":"Bar"}`)}, standin.FlipletEntry{ID: 6, Data: []byte(`{"Name":"other"}`)})
	file := scriptFile(t, keys, `
  agent.pull({
    description: 'Pull data from a Fliplet data source to my database',
    targetDataSourceId: 123,
    where: {'Foo': 'Bar'},
    action: async (entries, db) => {
      for (const entry of entries) {
        await db.query('INSERT INTO users (id, email) VALUES (?, ?)', {replacements: [entry.id, entry.data.Name]});
      }
    },
  });`)
	out, log, err := originally(t, file, "--test")
	if err != nil || !strings.Contains(out, "would call action with 1 entries") {
		t.Errorf("a dry run: %v\n%s\n%s", err, out, log)
	}
	if got := ask(t, keys, "SELECT COUNT(*) FROM users"); got != "2" {
		t.Errorf("a dry run wrote: %s rows", got)
	}
	if _, log, err := originally(t, file); err != nil || !strings.Contains(log, `"read": 1`) {
		t.Errorf("%v\n%s", err, log)
	}
	if got := ask(t, keys, "SELECT GROUP_CONCAT(email ORDER BY id) FROM users"); got != "a@b.de,c@d.de,O'Neil" {
		t.Errorf("the table has %s", got)
	}
	if _, log, err := originally(t, file); exitOf(err) != 1 || !strings.Contains(log, "Duplicate entry") {
		t.Errorf("a failing action: %v\n%s", err, log)
	}
}

func TestF23ColumnsAreEncrypted(t *testing.T) {
	t.Parallel()
	const key = "hunter2-passphrase"
	check := func(t *testing.T, service *standin.Fliplet, keys map[string]any, file string) {
		t.Helper()
		var before string
		for i := range 2 {
			out, log, err := originally(t, file)
			list := service.Entries(123)
			if err != nil || len(list) != 2 || !strings.Contains(string(list[0].Data), `"Email":"U2FsdGVkX1`) || strings.Contains(out+log, key) {
				t.Fatalf("%v: %v\n%s", err, list, log)
			}
			if i > 0 && string(list[0].Data) != before {
				t.Errorf("an unchanged row was sent again")
			}
			before = string(list[0].Data)
		}
		testkit.Exec(t, testkit.Shared(t).Connect(t, fmt.Sprint(keys["database_name"])), "UPDATE users SET email = 'new@b.de' WHERE id = 1")
		if _, log, err := originally(t, file); err != nil || string(service.Entries(123)[0].Data) == before {
			t.Errorf("a changed row was not sent: %v\n%s", err, log)
		}
	}
	t.Run("YAML", func(t *testing.T) {
		t.Parallel()
		service, keys := sample(t)
		delete(keys, "timestamp_column")
		keys["encrypt"] = map[string]any{"fields": []string{"Email"}, "key": key}
		file := sampleFile(t, keys)
		check(t, service, keys, file)
		if text, err := execute(t, "convert", file); err != nil || strings.Contains(text, key) || !strings.Contains(text, "${FLIPLET_ENCRYPTKEY}") {
			t.Errorf("converted, %v:\n%s", err, text)
		}
	})
	t.Run("JavaScript", func(t *testing.T) {
		t.Parallel()
		service, keys := sample(t)
		check(t, service, keys, scriptFile(t, keys, `agent.push({sourceQuery: db => db.query('SELECT id, email AS Email FROM users'), primaryColumnName: 'id',
  mode: 'update', targetDataSourceId: 123, encrypt: {fields: ['Email'], key: '`+key+`'}})`))
	})
	for want, encrypt := range map[string]any{
		`encrypt: the primary column "id" cannot be encrypted`: map[string]any{"fields": []string{"id"}, "key": key},
		"encrypt: has no fields":                               map[string]any{"key": key},
		"encrypt: has no key":                                  map[string]any{"fields": []string{"Email"}},
		"encrypt.keys: unknown key":                            map[string]any{"fields": []string{"Email"}, "keys": key},
		"encrypt: is not a block of keys":                      "Email",
	} {
		service, keys := sample(t)
		keys["encrypt"] = encrypt
		if _, log, err := originally(t, sampleFile(t, keys)); exitOf(err) != 2 || !strings.Contains(log, want) || strings.Contains(log, key) || len(service.Requests()) > 0 {
			t.Errorf("%v: %v %s; want %s", encrypt, err, log, want)
		}
	}
	service, keys := sample(t)
	own := ownOf(keys)
	own["destinations"].(map[string]any)["app"].(map[string]any)["encryptKey"] = key
	own["jobs"].(map[string]any)["users"].(map[string]any)["to"].(map[string]any)["encrypt"] = []string{"id"}
	if _, log, err := originally(t, write(t, "connector.yaml", own)); exitOf(err) != 2 || !strings.Contains(log, `jobs.users.to[0].encrypt: "id" identifies rows`) || len(service.Requests()) > 0 {
		t.Errorf("%v %s", err, log)
	}
}

func TestF22FilesAreUploaded(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2-token" {
			w.WriteHeader(http.StatusForbidden)
		}
		w.Header().Set("Content-Type", "application/pdf")
		fmt.Fprint(w, "a document")
	}))
	defer web.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "john.jpg"), []byte("a photo"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys["query"] = "SELECT id, email, 'john.jpg' AS photo, '" + web.URL + "/cv' AS cv, IF(id = 1, '../john.jpg', NULL) AS other FROM users"
	delete(keys, "timestamp_column")
	keys["files"] = []any{
		map[string]any{"column": "photo", "type": "local", "directory": folder},
		map[string]any{"column": "cv", "type": "remote", "headers": map[string]any{"Authorization": "Bearer hunter2-token"}, "private": true},
		map[string]any{"column": "other", "type": "local", "directory": folder},
	}
	file := sampleFile(t, keys)
	out, log, err := originally(t, file, "--test")
	if err != nil || !strings.Contains(out, "would upload the file of photo") || len(service.Files()) > 0 {
		t.Errorf("a dry run: %v\n%s\n%s", err, out, log)
	}
	for _, r := range service.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("a dry run sent %s %s", r.Method, r.Path)
		}
	}
	for range 2 { // The second time there is nothing to send or upload.
		out, log, err = originally(t, file)
		if err != nil || strings.Contains(out+log, "hunter2") {
			t.Fatal(err, log)
		}
		files := service.Files() // of two identical rows
		if len(files) != 2 || files[0].Name != "1-john.jpg" || string(files[0].Body) != "a photo" || files[1].Name != "1-cv.pdf" || string(files[1].Body) != "a document" {
			t.Fatalf("the files are %v", files)
		}
		want := fmt.Sprintf(`{"id":1,"email":"a@b.de","photo":"https://cdn.fliplet.com/apps/2/%[1]d","photoMediaFileId":%[1]d,"cv":"https://cdn.fliplet.com/apps/2/%[2]d","cvMediaFileId":%[2]d}`, files[0].ID, files[1].ID)
		if list := service.Entries(123); len(list) != 2 || string(list[0].Data) != want || !strings.Contains(string(list[1].Data), `"other":null`) {
			t.Errorf("the entries are %v", list)
		}
	}
	commits := 0
	for _, r := range service.Requests() {
		if strings.HasSuffix(r.Path, "/commit") {
			commits++
		}
	}
	if commits != 1 {
		t.Errorf("%d commits", commits)
	}
	// A new row whose file is already there: its checksum says so, to a process that has not uploaded it.
	testkit.Exec(t, testkit.Shared(t).Connect(t, fmt.Sprint(keys["database_name"])), "INSERT INTO users VALUES (3, 'e@f.de', NOW())")
	if _, log, err := originally(t, file); err != nil || len(service.Files()) != 2 || len(service.Entries(123)) != 3 {
		t.Errorf("%v: %d files, %d entries\n%s", err, len(service.Files()), len(service.Entries(123)), log)
	}
	if text, err := execute(t, "convert", file); err != nil || strings.Contains(text, "hunter2") || !strings.Contains(text, "directory: "+folder) {
		t.Errorf("converted, %v:\n%s", err, text)
	}
}

func TestF22MistakesInFiles(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]map[string]any{
		"files: [0].type: sharepoint is not supported": {"column": "Email", "type": "sharepoint", "username": "u", "password": "hunter2"},
		`files: [0].type: "ftp" is not one of`:         {"column": "Email", "type": "ftp"},
		"files: [0].column is missing":                 {"type": "local"},
		"files: [0]: the primary column":               {"column": "id", "type": "local"},
		"files[0].folder: unknown key":                 {"column": "Email", "type": "local", "folder": "x"},
	} {
		service, keys := sample(t)
		keys["files"] = []any{f}
		if _, log, err := originally(t, sampleFile(t, keys)); exitOf(err) != 2 || !strings.Contains(log, want) || strings.Contains(log, "hunter2") || len(service.Requests()) > 0 {
			t.Errorf("%v %s; want %s", err, log, want)
		}
	}
}
