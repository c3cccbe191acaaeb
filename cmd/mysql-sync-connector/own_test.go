package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// ownOf turns a configuration of Fliplet Agent into one of the connector's own.
func ownOf(fliplet map[string]any) map[string]any {
	return map[string]any{
		"sources": map[string]any{"shop": map[string]any{
			"type": "mysql", "host": fliplet["database_host"], "port": fliplet["database_port"], "user": fliplet["database_username"], "password": fliplet["database_password"], "database": fliplet["database_name"],
		}},
		"destinations": map[string]any{"app": map[string]any{"type": "fliplet", "token": fliplet["auth_token"], "baseURL": fliplet["base_url"]}},
		"jobs": map[string]any{"users": map[string]any{
			"from": map[string]any{"source": "shop", "table": "users", "key": "id"},
			"to":   map[string]any{"destination": "app", "dataSource": fliplet["datasource_id"], "mode": "replace"},
		}},
	}
}

// write writes a configuration in the format of the name.
func write(t *testing.T, name string, configuration any) string {
	t.Helper()
	marshal := map[string]func(any) ([]byte, error){".json": json.Marshal, ".yaml": yaml.Marshal, ".toml": toml.Marshal}[filepath.Ext(name)]
	text, err := marshal(configuration)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// execute runs a command line.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var printed strings.Builder
	c := root()
	c.SetOut(&printed)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return printed.String(), err
}

func TestConfigurationsInAnyFormatWork(t *testing.T) {
	t.Parallel()
	for _, form := range []string{".json", ".yaml", ".toml"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			service, keys := sample(t)
			file := write(t, "connector"+form, ownOf(keys))
			if _, err := execute(t, "start", file, "--once"); err != nil {
				t.Fatal(err)
			}
			if n := len(service.Entries(123)); n != 2 {
				t.Errorf("got %d entries, want 2", n)
			}
		})
	}
}

func TestMistakesHaveLineKeyAndRemedy(t *testing.T) {
	t.Parallel()
	text := `sources:
  shop: {type: mysq, database: shop, password: hunter2}
  stock: {type: mysql, databse: stock, port: 99999}
destinations:
  app: {type: fliplet, token: "${NOT_SET_ANYWHERE}"}
  two words: {type: fliplet, token: eu--1}
jobs:
  users:
    from: {source: stok, table: users}
    to: {destination: app, dataSource: 1}
    schedule: {cron: "61 * * * *", zone: Europe/Berln}
  orders:
    from: {source: shop, query: SELECT 1}
    to: {destination: nowhere}
    guard: {percent: 120}
    shedule: {daily: "07:30"}
`
	file := filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := execute(t, "start", file)
	mistakes, ok := errors.AsType[keys.Mistakes](err)
	if !ok || command.ExitCode(err) != command.ExitUsage {
		t.Fatalf("%v", err)
	}
	lines := map[string]int{
		"sources.shop.type": 2, "sources.stock.databse": 3, "sources.stock.database": 3, "sources.stock.port": 3, "destinations.app.token": 5, "destinations.two words": 6,
		"jobs.users.from.source": 9, "jobs.users.schedule.cron": 11, "jobs.users.schedule.zone": 11, "jobs.orders.guard.percent": 15, "jobs.orders.shedule": 16, "jobs.orders.to.destination": 14,
	}
	found := map[string]int{}
	for _, m := range mistakes {
		found[m.Key] = m.Line
	}
	if !maps.Equal(found, lines) {
		t.Errorf("got\n%s\nwant mistakes at %v", mistakes.Located(), slices.Sorted(maps.Keys(lines)))
	}
	if strings.Contains(mistakes.Located(), "hunter2") {
		t.Error("a password was printed")
	}
	if list, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(list) != 1 {
		t.Errorf("something was written: %v", list)
	}
}

func TestJobBlocksAreCheckedByType(t *testing.T) {
	t.Parallel()
	service := standin.NewFliplet("eu--1", 123)
	t.Cleanup(service.Close)
	for _, c := range []struct {
		from, to map[string]any
		key      string
	}{
		{map[string]any{"source": "shop", "path": "/x"}, nil, "jobs.users.from.path"},
		{map[string]any{"source": "shop", "key": "id"}, nil, "jobs.users.from.query"},
		{map[string]any{"source": "shop", "key": "id", "table": "t", "query": "SELECT 1"}, nil, "jobs.users.from.table"},
		{map[string]any{"source": "shop", "table": "t", "deletedWhen": "gone"}, map[string]any{"destination": "app", "dataSource": 1}, "jobs.users.from.deletedWhen"},
		{nil, map[string]any{"destination": "app"}, "jobs.users.to.dataSource"},
		{nil, map[string]any{"destination": "app", "dataSource": "x"}, "jobs.users.to.dataSource"},
		{map[string]any{"source": "shop", "table": "t"}, map[string]any{"destination": "app", "dataSource": 1, "mode": "update"}, "jobs.users.to.mode"},
		{map[string]any{"source": "shop", "table": "t", "key": "id", "full": "x"}, nil, "jobs.users.from.full"},
	} {
		configuration := ownOf(map[string]any{"database_name": "shop", "auth_token": "eu--1", "base_url": service.URL, "datasource_id": 123})
		shop := configuration["sources"].(map[string]any)["shop"].(map[string]any)
		maps.DeleteFunc(shop, func(_ string, v any) bool { return v == nil })
		job := configuration["jobs"].(map[string]any)["users"].(map[string]any)
		if c.from != nil {
			job["from"] = c.from
		}
		if c.to != nil {
			job["to"] = c.to
		}
		_, err := execute(t, "start", write(t, "connector.json", configuration))
		mistakes, _ := errors.AsType[keys.Mistakes](err)
		if len(mistakes) != 1 || mistakes[0].Key != c.key || mistakes[0].Line == 0 {
			t.Errorf("%v, %v: %v", c.from, c.to, err)
		}
	}
}

func TestAConvertedConfigurationBehavesTheSame(t *testing.T) {
	service, fliplet := sample(t)
	fliplet["mode"], fliplet["batch_size"], fliplet["frequency"] = "replace", 7, "*/5 * * * *"
	text, err := yaml.Marshal(fliplet)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	from := filepath.Join(folder, "sample.yml")
	if err := os.WriteFile(from, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"yaml", "json", "toml"} {
		out, err := execute(t, "convert", from, "--to", form)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "eu--1") {
			t.Errorf("the token is printed:\n%s", out)
		}
		t.Setenv("FLIPLET_TOKEN", "eu--1")
		t.Setenv("DATABASE_PASSWORD", fmt.Sprint(fliplet["database_password"]))
		file := filepath.Join(folder, "connector."+form)
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		p, _, err := connector.Load(file)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		before, _, err := connector.Load(from)
		if err != nil {
			t.Fatal(err)
		}
		a, b := before.Jobs[0], p.Jobs[0]
		if b.Schedule != a.Schedule || b.To[0].Batch != 7 || b.To[0].Mode != a.To[0].Mode || b.To[0].Compare != a.To[0].Compare || b.Guard != a.Guard || b.From.Rows.Key[0] != "id" {
			t.Errorf("%+v\nbecame\n%+v", a, b)
		}
	}
	if _, err := execute(t, "start", filepath.Join(folder, "connector.toml"), "--once"); err != nil || len(service.Entries(123)) != 2 {
		t.Errorf("%v, %d entries", err, len(service.Entries(123)))
	}
}

func TestF03EachDriverOfAnUnchangedFilePushes(t *testing.T) {
	t.Parallel()
	server := testkit.Postgres(t)
	file := filepath.Join(t.TempDir(), "shop.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	const table = "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(40), updated TIMESTAMP)"
	const rows = "INSERT INTO users VALUES (1, 'a@b.de', '2024-01-02 03:04:05'), (2, 'c@d.de', '2024-01-02 03:04:06')"
	for _, s := range []string{table, rows} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for driver, where := range map[string]map[string]any{
		"postgres": {"database_host": server.Host, "database_port": server.Port, "database_username": server.User, "database_name": server.Schema(t, table, rows)},
		"sqlite":   {"database_name": file},
	} {
		service, fliplet := sample(t)
		for key := range fliplet {
			if strings.HasPrefix(key, "database_") {
				delete(fliplet, key)
			}
		}
		maps.Copy(fliplet, where)
		fliplet["database_driver"], fliplet["query"] = driver, "SELECT * FROM users"
		delete(fliplet, "timestamp_column")
		if _, err := start(t, fliplet); err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		list := service.Entries(123)
		if len(list) != 2 || !strings.Contains(string(list[0].Data), `"updated":"2024-01-02T03:04:05.000Z"`) {
			t.Errorf("%s: %v", driver, list)
		}
	}
}

func TestRowsOfOneDatabaseGoIntoAnother(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(40), at DATETIME(6))", "INSERT INTO users VALUES (1, 'a@b.de', '2024-01-02 03:04:05.000006'), (2, NULL, NULL), (3, 'c', NULL)")
	server, target := testkit.Shared(t), testkit.Postgres(t)
	name := target.Schema(t, `CREATE TABLE people (id INT PRIMARY KEY, email TEXT, at TIMESTAMP)`, `INSERT INTO people VALUES (9, 'not ours', NULL)`)
	file := write(t, "connector.yaml", map[string]any{
		"sources":      map[string]any{"shop": map[string]any{"type": "mariadb", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}},
		"destinations": map[string]any{"lake": map[string]any{"type": "postgres", "host": target.Host, "port": target.Port, "user": target.User, "database": name}},
		"jobs": map[string]any{"users": map[string]any{
			"from": map[string]any{"source": "shop", "table": "users", "key": "id"}, "to": map[string]any{"destination": "lake", "table": "people", "mode": "replace"},
		}},
	})
	expect := func(want string) {
		t.Helper()
		if got := target.Query(t, name, "SELECT * FROM people ORDER BY id"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	out, err := execute(t, "start", file, "--test")
	if err != nil || strings.Count(out, "would insert a row") != 3 {
		t.Errorf("%s, %v", out, err)
	}
	expect("9|not ours|\n")
	if out, err := execute(t, "run", file, "users"); err != nil || !strings.Contains(out, "3 sent") {
		t.Errorf("%s, %v", out, err)
	}
	expect("1|a@b.de|2024-01-02 03:04:05.000006\n2||\n3|c|\n9|not ours|\n")
	for _, s := range []string{"DELETE FROM users WHERE id = 3", "UPDATE users SET email = 'x' WHERE id = 2"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := execute(t, "run", file, "users"); err != nil || !strings.Contains(out, "1 sent, 1 deleted, 1 unchanged") {
		t.Errorf("%s, %v", out, err)
	}
	expect("1|a@b.de|2024-01-02 03:04:05.000006\n2|x|\n9|not ours|\n")
	if out, err := execute(t, "check", file); err != nil || !strings.Contains(out, "postgres answers") {
		t.Errorf("%s, %v", out, err)
	}
}

// readJSON reads a written configuration.
func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBinaryKeysAreDeletedExactly(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE bk (b VARBINARY(20) PRIMARY KEY, v INT)",
		"INSERT INTO bk VALUES (x'41', 1), (x'5c783431', 2), (x'5c5c', 3), (x'5c', 4), (x'303031', 5), (x'ff', 6), (x'5c303031', 7), (x'01', 8), (x'c3a9', 9)")
	server, target := testkit.Shared(t), testkit.Postgres(t)
	name := target.Schema(t, "CREATE TABLE bk (b BYTEA PRIMARY KEY, v INT)")
	file := write(t, "connector.json", map[string]any{
		"sources":      map[string]any{"shop": map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}},
		"destinations": map[string]any{"lake": map[string]any{"type": "postgres", "host": target.Host, "port": target.Port, "user": target.User, "database": name}},
		"jobs": map[string]any{"rows": map[string]any{
			"from": map[string]any{"source": "shop", "table": "bk", "key": "b"}, "to": map[string]any{"destination": "lake", "table": "bk", "mode": "replace"},
		}},
	})
	if _, err := execute(t, "run", file, "rows"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DELETE FROM bk WHERE v IN (2, 3, 6, 7, 9)"); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "run", file, "rows"); err != nil {
		t.Fatal(err)
	}
	if got := target.Query(t, name, "SELECT v FROM bk ORDER BY v"); got != "1\n4\n5\n8\n" {
		t.Errorf("what is left: %q", got)
	}
}

// Each file of a certificate authority is named by its key, and relative to the configuration.
func TestAMissingAuthorityIsNamedByItsKey(t *testing.T) {
	t.Parallel()
	const text = `sources:
  web: {type: http, url: "https://api.example.com", ca: none.pem}
  post: {type: postgres, host: db, database: d, ca: none.pem}
destinations:
  hook: {type: webhook, url: "https://api.example.com", ca: none.pem}
  lake: {type: mysql, database: d, ca: none.pem}
jobs:
  a:
    from: {source: web, path: /x, rows: "$.x[*]", key: id}
    to: {destination: hook}
alerts: {webhook: {url: "https://api.example.com", ca: none.pem}}
backup: {s3: {endpoint: s3.example.com, bucket: bucket, caFile: none.pem}, key: "{id}/{file}"}
`
	file := filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := execute(t, "start", file)
	mistakes, _ := errors.AsType[keys.Mistakes](err)
	missing := fmt.Sprintf("open %s: no such file or directory", filepath.Join(filepath.Dir(file), "none.pem"))
	found := map[string]int{}
	for _, m := range mistakes {
		if found[m.Key] = m.Line; m.Text != missing {
			t.Errorf("%s: %s", m.Key, m.Text)
		}
	}
	if want := map[string]int{"sources.web.ca": 2, "sources.post.ca": 3, "destinations.hook.ca": 5, "destinations.lake.ca": 6, "alerts.webhook.ca": 11, "backup.s3.caFile": 12}; !maps.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}
