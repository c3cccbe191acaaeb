package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// write writes a script, and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sample.js")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// whole is a script with an operation that may have a mistake.
func whole(config, operation string) string {
	return fmt.Sprintf(`exports.config = {authToken: 'eu--1', database: {dialect: 'sqlite', storage: 'x.db'},
  %s
}
exports.setup = agent => {
  agent.push({sourceQuery: db => db.query('SELECT 1'), targetDataSourceId: 1, primaryColumnName: 'id', mode: 'update',
    %s
  })
}
`, config, operation)
}

func TestF02MistakesInAScriptHaveLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"const a = 1\nexports.config = ]\n":             "sample.js:2: ",
		"\n\nthrow new Error('no good')":                "sample.js:3: script: Error: no good",
		"const fs = require('fs')":                      "sample.js:1: script: ",
		"exports.setup = () => {}":                      "sample.js: exports.config: is missing",
		"exports.config = {}":                           "sample.js: exports.setup: is missing",
		"exports.config = {}\nexports.setup = () => {}": "exports.setup: calls neither agent.push nor agent.pull",
		"exports.config = {}\nexports.setup = agent => {\n  agent.push({deleteColumnName: deletedAt})\n}":                                "sample.js:3: script: ReferenceError: deletedAt is not defined; scripts run in a sandbox",
		"exports.config = {}\nexports.setup = agent => agent.push({source() {}, targetDataSourceId: 1})":                                 "sample.js:1: authToken: is missing: create one in Fliplet Studio",
		"exports.config = {}\nexports.setup = agent => agent.push({source() {}, primaryColumnName: 'id'})":                               "targetDataSourceId: is missing",
		whole("", "timestampColumnNames: 'x',"):                                                                                          `sample.js:6: timestampColumnNames: unknown key; did you mean "timestampColumnName"?`,
		whole("", "frequency: '61 * * * *',"):                                                                                            "sample.js:6: frequency: ",
		whole("", "onSync() {},"):                                                                                                        "sample.js:6: onSync: is not supported; remove it",
		whole("", "runHooks: ['delete'],"):                                                                                               `sample.js:6: runHooks: "delete" is not one of insert, update`,
		whole("", "sourceQuery: 'SELECT 1',"):                                                                                            "sample.js:5: sourceQuery: is not a function",
		whole("", "concurrency: 'many',"):                                                                                                "sample.js:6: concurrency: is not a whole number",
		whole("logVerbosity: 'loud',", ""):                                                                                               `sample.js:2: logVerbosity: "loud" is not one of debug, info, critical`,
		whole("database: {dialect: 'oracle', database: 'x'},", ""):                                                                       `sample.js:1: dialect: "oracle" is not one of mysql`,
		whole("database: {dialect: 'mysql', database: 'x', timezone: '+02:00'},", ""):                                                    "sample.js:2: timezone: only +00:00 is supported",
		whole("database: {dialect: 'mysql', database: 'x', dialectModulePath: 'sequelize-odbc-mssql'},", ""):                             "ODBC is not supported",
		whole("database: {url: 'hunter2'},", ""):                                                                                         "sample.js:2: url: is not an address such as",
		whole("database: undefined,", ""):                                                                                                "sample.js:5: sourceQuery: needs config.database",
		"exports.config = {authToken: 'eu--1'}\nexports.setup = a => {\n  a.pull({targetDataSourceId: 1})}":                              "sample.js:3: agent.pull: has no function action",
		"exports.config = {authToken: 'eu--1'}\nexports.setup = a => {\n  a.pull({targetDataSourceId: 1, action() {}, mode: 'update'})}": "sample.js:3: mode: does not belong to agent.pull",
	} {
		_, _, err := agent.Plan(t.Context(), write(t, text))
		mistakes, ok := errors.AsType[keys.Mistakes](err)
		if !ok || !strings.Contains(mistakes.Located(), want) || strings.Contains(mistakes.Located(), "hunter2") {
			t.Errorf("%s\n%v\nwant %s", text, mistakes.Located(), want)
		}
	}
}

func TestF02AScriptBecomesAPlan(t *testing.T) {
	t.Parallel()
	p, warnings, err := agent.Plan(t.Context(), write(t, `
const frequency = '*/15 * * * *'
module.exports.config = {authToken: 'us--1', syncOnInit: false, isDryRun: true, logVerbosity: 'critical', batchSize: 7,
  database: {url: 'postgresql://me:s%40cret@db:6432/shop', logging: console.log, pool: {max: 5}}}
module.exports.setup = async agent => {
  agent.push({description: 'a', frequency, sourceQuery: db => db.query('SELECT 1'), targetDataSourceId: '123', primaryColumnName: 'id'})
    .push({source: rest => rest.get('x'), targetDataSourceId: 124, concurrency: '3', runHooks: ['insert'], merge: true})
}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Jobs) != 2 || p.Jobs[0].Name != "push" || p.Jobs[1].Name != "push-2" || p.Once || !p.Test || p.Level != "error" {
		t.Errorf("plan: %+v", p)
	}
	first, second := p.Jobs[0], p.Jobs[1]
	if first.Schedule.Cron != "*/15 * * * *" || first.Schedule.OnStart || first.To[0].Mode != job.ModeUpdate || first.To[0].Batch != 7 || first.Description != "a" {
		t.Errorf("the first is %+v", first)
	}
	if to := second.To[0]; to.Mode != job.ModeAppend || to.Concurrency != 3 || to.Settings["merge"] != true || to.Settings["dataSource"] != 124 || !second.Schedule.OnStart {
		t.Errorf("the second is %+v", second)
	}
	database := p.Sources["script"].Settings
	if s := database["database"].(interface{ String() string }).String(); database["driver"] != "postgres" || strings.Contains(s, "s@cret") {
		t.Errorf("the database is %v, %s", database["driver"], s)
	}
	want := []string{"sample.js:6: mode: is missing, so entries that the source does not have are kept", "sample.js:7: primaryColumnName: is missing, so each run appends all rows again"}
	for i, w := range want {
		if len(warnings) != len(want) || !strings.Contains(warnings[i], w) {
			t.Fatalf("the warnings are %q", warnings)
		}
	}
}

// opened is a script with a database of two rows.
func opened(t *testing.T, text string, dry bool) *agent.Script {
	t.Helper()
	file := write(t, "exports.config = {}\nexports.setup = agent => agent.push("+text+")\n")
	database := sqldb.Config{Driver: "sqlite", Database: filepath.Join(filepath.Dir(file), "x.db")}
	d, err := sqldb.DialectOf("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(database.Database, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := d.Open(database, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"CREATE TABLE a (id INTEGER, at DATETIME, b BLOB)", "INSERT INTO a VALUES (1, '2024-01-02 03:04:05', x'00ff'), (2, NULL, NULL)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := agent.Open(zap.NewNop(), file, agent.Config{Database: database, Dry: dry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func read(t *testing.T, s *agent.Script) (string, error) {
	t.Helper()
	var rows []string
	err := s.Source(0).Read(t.Context(), job.Request{From: job.From{Key: []string{"id"}}}, func(r *record.Record) error {
		rows = append(rows, r.Key+string(r.Data)+r.Bad)
		return nil
	})
	return strings.Join(rows, "\n"), err
}

func TestF02RowsReturnedByAScriptAreRead(t *testing.T) {
	t.Parallel()
	const rows = `1{"id":1,"at":"2024-01-02T03:04:05.000Z","b":{"type":"Buffer","data":[0,255]}}` + "\n" + `2{"id":2,"at":null,"b":null}`
	for text, want := range map[string]string{
		"{sourceQuery: db => db.query('SELECT * FROM a')}":                                                                    rows,
		"{sourceQuery(db) { return db.query('SELECT * FROM a;') }}":                                                           rows,
		"{sourceQuery: async db => db.query('SELECT * FROM a')}":                                                              rows,
		"{sourceQuery: db => db.query('SELECT * FROM a').then(r => r)}":                                                       rows,
		"{sourceQuery: db => db.query('SELECT * FROM a', {type: db.QueryTypes.SELECT})}":                                      rows,
		"{sourceQuery: async db => (await db.query('SELECT * FROM a'))[0].map(r => ({id: r.id, y: r.at?.getUTCFullYear()}))}": `1{"id":1,"y":2024}` + "\n" + `2{"id":2}`,
		"{sourceQuery: async db => [{id: 5}]}":                                                                                `5{"id":5}`,
		"{sourceQuery: () => []}":                                                                                             "",
		"{sourceQuery: async () => [[]]}":                                                                                     "",
		"{sourceQuery: async () => [{v: 1}]}":                                                                                 `{"v":1}id: has no key`,
		"{source: async () => ({data: [{id: 1}]})}":                                                                           `1{"id":1}`,
	} {
		if got, err := read(t, opened(t, text, false)); err != nil || got != want {
			t.Errorf("%s\nread %v\n%s\nwant\n%s", text, err, got, want)
		}
	}
	for text, want := range map[string]string{
		"{sourceQuery: db => db.query('DELETE FROM a')}":                            "readonly",
		"{sourceQuery: async db => { await db.query('DELETE FROM a'); return [] }}": "readonly",
		"{sourceQuery: () => 1}":                                                    "sourceQuery did not return a list of rows",
		"{sourceQuery: () => [1]}":                                                  "returned a row that is not an object",
		"{sourceQuery: () => { throw new Error('boom') }}":                          "sample.js:2: Error: boom",
		"{sourceQuery: () => new Promise(() => {})}":                                "can never settle",
		"{sourceQuery: db => db.query('SELECT ?', {replacements: [1]})}":            "replacements work for MySQL and MariaDB only",
		"{sourceQuery: db => db.query('SELECT 1', {bind: [1]})}":                    "bind is not supported",
		"{sourceQuery: () => Array(90).fill({id: 1, v: 'x'.repeat(1 << 20)})}":      "more than 64 MiB",
		"{source: rest => rest.get('file:///etc/passwd')}":                          "expected an absolute URL",
	} {
		if got, err := read(t, opened(t, text, false)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nread %v\n%s\nwant %s", text, err, got, want)
		}
	}
}

func TestF02SourceReadsAnAPI(t *testing.T) {
	t.Parallel()
	posts := 0
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts++
		}
		fmt.Fprintf(w, `[{"id":%q,"key":%q}]`, r.Method+" "+r.URL.RequestURI(), r.Header.Get("X-Key"))
	}))
	defer service.Close()
	for text, want := range map[string]string{
		"rest.get(%q, {params: {a: 1}, headers: {'X-Key': 'k'}})": `"id":"GET /list?a=1","key":"k"`,
		"rest({url: %q})":       `"id":"GET /list","key":""`,
		"rest.post(%q, {q: 1})": `"id":"POST /list","key":""`,
	} {
		text := fmt.Sprintf("{source: rest => "+text+"}", service.URL+"/list")
		if got, err := read(t, opened(t, text, false)); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nread %v\n%s\nwant\n%s", text, err, got, want)
		}
	}
	before := posts
	if _, err := read(t, opened(t, fmt.Sprintf("{source: rest => rest.post(%q, {})}", service.URL), true)); err == nil || posts != before {
		t.Errorf("a dry run sent %d requests, %v", posts-before, err)
	}
}

func TestF02AScriptSeesOnlyVariablesItNames(t *testing.T) {
	t.Setenv("AGENT_NAMED", "yes")
	t.Setenv("AGENT_OTHER", "no")
	s := opened(t, "{sourceQuery: () => [{id: process.env.AGENT_NAMED, all: Object.keys(process.env).join()}]}", false)
	if got, err := read(t, s); err != nil || got != `yes{"id":"yes","all":"AGENT_NAMED"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAScriptRequiresFilesBesideIt(t *testing.T) {
	t.Parallel()
	file := write(t, "const o = require('./lib/o')\nexports.config = require('./config.json')\nexports.setup = agent => agent.push(o)\n")
	folder := filepath.Dir(file)
	if err := os.Mkdir(filepath.Join(folder, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config.json": `{"authToken": "eu--1"}`, "lib/o.js": "module.exports = {source: async () => [], targetDataSourceId: 1}"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p, _, err := agent.Plan(t.Context(), file); err != nil || len(p.Jobs) != 1 {
		t.Errorf("%v", err)
	}
	outside := write(t, "require('../secret')")
	if err := os.WriteFile(filepath.Join(filepath.Dir(outside), "..", "secret.js"), []byte("exports.config = {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := agent.Plan(t.Context(), outside); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a file outside: %v", err)
	}
}

// entries are the entries of a data source.
type entries []string

func (e entries) Entries(_ context.Context, yield func(json.RawMessage) error) error {
	for _, text := range e {
		if err := yield(json.RawMessage(text)); err != nil {
			return err
		}
	}
	return nil
}

func TestF24AnActionWritesPulledEntries(t *testing.T) {
	t.Parallel()
	const text = `{sourceQuery: db => db.query('SELECT id FROM a ORDER BY id'), action: (entries, db) => {
	  for (const e of entries) db.query(` + "`INSERT INTO a (id) VALUES (${Number(e.data.n)})`" + `)
	}}`
	all := entries{`{"id":1,"data":{"n":7}}`, `{"id":2,"data":{"n":8}}`}
	for _, dry := range []bool{true, false} {
		s := opened(t, text, dry)
		n := 0
		if err := s.Pull(0, all).Read(t.Context(), job.Request{}, func(*record.Record) error { n++; return nil }); err != nil || n != 2 {
			t.Fatalf("%d entries, %v", n, err)
		}
		want := map[bool]string{true: "1{\"id\":1}\n2{\"id\":2}", false: "1{\"id\":1}\n2{\"id\":2}\n7{\"id\":7}\n8{\"id\":8}"}[dry]
		if got, err := read(t, s); err != nil || got != want {
			t.Errorf("dry %t: the table has %s, %v", dry, got, err)
		}
	}
	for text, want := range map[string]string{
		"{action: async (e, db) => { await db.query('NONSENSE') }}": "run the statement",
		"{action: (e, db) => { db.query('NONSENSE') }}":             "run the statement",
		"{action: () => { throw new Error('boom') }}":               "boom",
	} {
		err := opened(t, text, false).Pull(0, all).Read(t.Context(), job.Request{}, func(*record.Record) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The result of a query that the script returns may have any number of rows; rows made by the script are bounded.
func TestF02AReturnedQueryIsStreamed(t *testing.T) {
	t.Parallel()
	const query = "db.query('WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 80) SELECT id, hex(zeroblob(600000)) AS v FROM n')"
	for text, want := range map[string]string{"{sourceQuery: db => " + query + "}": "", "{sourceQuery: async db => " + query + "}": "more than 64 MiB"} {
		n := 0
		err := opened(t, text, false).Source(0).Read(t.Context(), job.Request{}, func(*record.Record) error { n++; return nil })
		if want == "" && (err != nil || n != 80) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %d rows, %v", text, n, err)
		}
	}
}
