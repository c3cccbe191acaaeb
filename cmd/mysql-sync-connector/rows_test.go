package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// bench is a table, a service and a configuration that stay the same between runs.
type bench struct {
	*standin.Fliplet
	db   *mysqldb.DB
	file string
	keys map[string]any
}

func newBench(t *testing.T, query string, statements ...string) *bench {
	t.Helper()
	db := testkit.Schema(t, statements...)
	server := testkit.Shared(t)
	service := standin.NewFliplet("eu--1", 123)
	t.Cleanup(service.Close)
	return &bench{service, db, filepath.Join(t.TempDir(), "sample.yml"), map[string]any{
		"auth_token": "eu--1", "base_url": service.URL, "datasource_id": 123, "database_driver": "mysql", "database_host": server.Host, "database_port": server.Port,
		"database_username": server.User, "database_password": server.Password, "database_name": db.Name, "query": query, "primary_column": "id",
	}}
}

// run runs the job once, and returns the output.
func (b *bench) run(t *testing.T, more ...string) (string, error) {
	t.Helper()
	content, err := yaml.Marshal(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	return b.runText(t, string(content), more...)
}

func (b *bench) runText(t *testing.T, text string, more ...string) (string, error) {
	t.Helper()
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	c := root()
	c.SetOut(&printed)
	c.SetErr(&printed)
	c.SetArgs(append([]string{"start", b.file}, more...))
	err := c.ExecuteContext(t.Context())
	return printed.String(), err
}

// byID counts the entries by the value of the column id.
func (b *bench) byID(t *testing.T) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, e := range b.Entries(123) {
		var d map[string]any
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		count[fmt.Sprint(d["id"])]++
	}
	return count
}

// Keys of all kinds of MySQL types, all unique: each row has to arrive, or the run has to fail.
func TestAnUnacceptableRowIsNotDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"datetime":        {"DATETIME", "'2020-01-01 10:00:00'"},
		"timestamp":       {"TIMESTAMP", "'2020-01-01 10:00:00'"},
		"bigint unsigned": {"BIGINT UNSIGNED", "18446744073709551615"},
		"null":            {"INT NULL", "NULL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id "+c[0]+", v INT)", "INSERT INTO a VALUES ("+c[1]+", 1)")
			if _, err := b.run(t); err == nil && len(b.Entries(123)) != 1 {
				t.Errorf("the run is done, but the row has not arrived")
			}
		})
	}
}

// Deletes by delete_column are guarded like any other.
func TestDeletesByColumnAreGuarded(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT id, gone FROM a", "CREATE TABLE a (id INT PRIMARY KEY, gone TINYINT)", "INSERT INTO a SELECT seq, NULL FROM "+series(100))
	b.keys["delete_column"] = "gone"
	if _, err := b.run(t); err != nil || len(b.Entries(123)) != 100 {
		t.Fatal(err, len(b.Entries(123)))
	}
	testkit.Exec(t, b.db, "UPDATE a SET gone = 0") // as in a boolean column
	if _, err := b.run(t); err == nil || len(b.Entries(123)) != 100 {
		t.Errorf("%d entries left, %v", len(b.Entries(123)), err)
	}
}

// Each of these configurations is wrong, and the error names the key.
func TestWrongConfigurationsAreReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"a part of a number": {"datasource_id: 123", "datasource_id: 123.9", "datasource_id"},
		"a negative id":      {"datasource_id: 123", "datasource_id: -1", "datasource_id"},
		"a port too high":    {"database_port: ", "database_port: 9", "database_port"},
		"a frequency":        {"query:", "frequency: 61 * * * *\nquery:", "frequency"},
		"a typo":             {"primary_column", "primary_colum", "sample.yml"},
		"a typo's line":      {"primary_column", "primary_colum", "sample.yml:"},
		"a base_url":         {"base_url: http", "base_url: ftp", "base_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id FROM a", "CREATE TABLE a (id INT PRIMARY KEY)")
			content, err := yaml.Marshal(b.keys)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.runText(t, strings.Replace(string(content), c.from, c.to, 1), "--test")
			if err == nil || command.ExitCode(err) != command.ExitUsage || !strings.Contains(text(err), c.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	t.Run("two documents", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, "SELECT id FROM a", "CREATE TABLE a (id INT PRIMARY KEY)")
		content, err := yaml.Marshal(b.keys)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = b.runText(t, string(content)+"---\nmode: replace\n", "--test"); err == nil {
			t.Error("the second document was silently ignored")
		}
	})
	t.Run("too many arguments", func(t *testing.T) {
		t.Parallel()
		c := root()
		c.SetArgs([]string{"start", "a.yml", "b.yml"})
		if err := c.ExecuteContext(t.Context()); command.ExitCode(err) != command.ExitUsage {
			t.Errorf("exit code %d of %v", command.ExitCode(err), err)
		}
	})
}

// A column that the query returns twice would be ambiguous.
func TestADuplicateColumnIsReported(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT a.id, b.id FROM a JOIN b ON b.a = a.id", "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY, a INT)", "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (50, 1)")
	printed, err := b.run(t)
	if err == nil && !strings.Contains(printed, "twice") {
		t.Errorf("the key is %v, without an error", b.byID(t))
	}
}

// Leftovers of an earlier run in the outbox are sent while the source is read again. A row that has changed since is
// read while its first version is in flight: the second must update the entry that the first creates.
func TestARowChangedInFlightIsNotDuplicated(t *testing.T) {
	t.Parallel()
	const rows = 600
	b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a SELECT seq, 1 FROM "+series(600))
	b.keys["batch_size"] = 200
	command := b.program(t) // not slowed down by the race detector
	b.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method != http.MethodPost {
			return false
		}
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close() // it goes down in the middle of the first batch
		}
		return true
	})
	if _, err := command().CombinedOutput(); err == nil {
		t.Fatal("the first run is done, want an error")
	}
	testkit.Exec(t, b.db, "UPDATE a SET v = 2 WHERE id % 37 = 2")
	b.Fail(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method == http.MethodPost {
			time.Sleep(50 * time.Millisecond) // in flight while the source is read
		}
		return false
	})
	for range 3 {
		if _, err := command().CombinedOutput(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(b.Entries(123)); n != rows {
		t.Errorf("%d entries for %d rows", n, rows)
		for id, n := range b.byID(t) {
			if n > 1 {
				t.Logf("%d entries of id %s", n, id)
			}
		}
	}
}

// A data source too large for one answer of 16 MB can still be compared and changed.
func TestADataSourceOf20MBIsReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT id, n FROM a", "CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 1), (2, 1)")
	b.Put(123, standin.FlipletEntry{ID: 900, Data: []byte(`{"other":"` + strings.Repeat("x", 20<<20) + `"}`)})
	command := b.program(t) // not slowed down by the race detector
	for n := 1; n < 3; n++ {
		testkit.Exec(t, b.db, fmt.Sprintf("UPDATE a SET n = %d WHERE id = 2", n))
		if _, err := command().CombinedOutput(); err != nil || len(b.Entries(123)) != 3 {
			t.Fatalf("%d entries, %v", len(b.Entries(123)), err)
		}
	}
}

// Values that YAML does not take for text are reported without being printed, and no other password is used instead.
func TestAPasswordThatYAMLMisreads(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"*hunter2x", "&hunter2x", "!hunter2x", "!!int hunter2x", "%hunter2x", "@hunter2x", "{hunter2x", "[hunter2x", "hunter2x: y", "|hunter2x", "`hunter2x", "\"hunter2x", "'hunter2x", "hunter2x #y", "#hunter2x", "- hunter2x", "? hunter2x", ">hunter2x", "null", "~"} {
		t.Run(password, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id FROM a", "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
			content, err := yaml.Marshal(b.keys)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.runText(t, strings.Replace(string(content), `database_password: ""`, "database_password: "+password, 1))
			if err == nil {
				t.Error("it connected with an empty password")
			} else if said := strings.ReplaceAll(text(err), b.file, ""); strings.Contains(said, "hunter") {
				t.Errorf("it printed %s", said)
			}
		})
	}
}

// A changed row without a timestamp is still sent.
func TestF10TimestampColumn(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT id, v, u FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT, u DATETIME)", "INSERT INTO a VALUES (1, 1, '2024-01-01'), (2, 1, NULL), (3, 1, '2024-01-01'), (4, 1, '2024-01-01')")
	b.keys["timestamp_column"] = "u"
	if _, err := b.run(t); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, b.db, "UPDATE a SET v = 2 WHERE id < 4", "UPDATE a SET u = '2023-01-01' WHERE id = 3")
	if _, err := b.run(t); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Entries(123) {
		if strings.Contains(string(e.Data), `"u":null`) && strings.Contains(string(e.Data), `"v":1`) {
			t.Errorf("a row without a timestamp was not updated: %s", e.Data)
		}
	}
}

// A row that is deleted while its first version is in flight is deleted at Fliplet too.
func TestARowDeletedInFlight(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"replace", "column"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id, gone FROM a", "CREATE TABLE a (id INT PRIMARY KEY, gone DATETIME)", "INSERT INTO a SELECT seq, NULL FROM "+series(600))
			b.keys["batch_size"] = 200
			change := "DELETE FROM a WHERE id % 50 = 2"
			b.keys["mode"] = "replace"
			if how == "column" {
				delete(b.keys, "mode")
				b.keys["delete_column"] = "gone"
				change = "UPDATE a SET gone = NOW() WHERE id % 50 = 2"
			}
			b.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != http.MethodPost {
					return false
				}
				if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
					_ = c.Close()
				}
				return true
			})
			if _, err := b.run(t); err == nil {
				t.Fatal("the first run is done, want an error")
			}
			testkit.Exec(t, b.db, change)
			b.Fail(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method == http.MethodPost {
					time.Sleep(50 * time.Millisecond)
				}
				return false
			})
			for i := range 3 {
				_, err := b.run(t)
				t.Logf("run %d: %v, %d entries", i, err, len(b.Entries(123)))
			}
			if len(b.Entries(123)) != 588 {
				t.Errorf("got %d entries, want 588", len(b.Entries(123)))
			}
		})
	}
}

// The service's answer is printed without the token, even if it contains it.
func TestD18ATokenInAnAnswerIsNotPrinted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 400, 422, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id FROM a", "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
			b.keys["auth_token"] = "eu--verysecret"
			b.Accept("eu--verysecret")
			b.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(status)
				fmt.Fprint(w, `{"error":"token eu--verysecret"}`)
				return true
			})
			_, err := b.run(t)
			if err == nil || strings.Contains(err.Error(), "verysecret") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
