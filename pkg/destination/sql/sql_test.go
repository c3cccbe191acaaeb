package sql_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/destination/sql"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// configs return the configuration of a fresh database of each kind.
var configs = map[string]func(*testing.T) sqldb.Config{
	"mysql": func(t *testing.T) sqldb.Config {
		server := testkit.Shared(t)
		return sqldb.Config{Driver: "mysql", Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: testkit.Schema(t).Name}
	},
	"postgres": func(t *testing.T) sqldb.Config {
		server := testkit.Postgres(t)
		return sqldb.Config{Driver: "postgres", Host: server.Host, Port: server.Port, User: server.User, Database: server.Schema(t)}
	},
	"sqlite": func(t *testing.T) sqldb.Config {
		file := filepath.Join(t.TempDir(), "shop.db")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return sqldb.Config{Driver: "sqlite", Database: file}
	},
}

// each calls f with a database of each kind, after running statements in it.
func each(t *testing.T, statements []string, f func(t *testing.T, c sqldb.Config, d *sql.Database)) {
	t.Helper()
	for kind, config := range configs {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			run(t, c, statements...)
			d, err := sql.Open(c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			f(t, c, d)
		})
	}
}

func run(t *testing.T, c sqldb.Config, statements ...string) {
	t.Helper()
	dialect, err := sqldb.DialectOf(c.Driver)
	if err != nil {
		t.Fatal(err)
	}
	db, err := dialect.Open(c, true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if c.Driver == "postgres" {
			s = strings.ReplaceAll(strings.ReplaceAll(s, "DATETIME(6)", "TIMESTAMP(6)"), "BLOB", "BYTEA")
		}
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// rows returns a table as records, ordered by id.
func rows(t *testing.T, c sqldb.Config, table string) string {
	t.Helper()
	s, err := source.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var lines []string
	if err := s.Read(t.Context(), job.Request{From: job.From{Query: "SELECT * FROM " + table + " ORDER BY id"}}, func(r *record.Record) error {
		lines = append(lines, string(r.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// put is an operation that writes a row.
func put(kind job.Kind, id, data string) job.Operation {
	return job.Operation{Kind: kind, ID: id, Data: []byte(data)}
}

func send(t *testing.T, d *sql.Destination, operations ...job.Operation) []job.Answer {
	t.Helper()
	answers, err := d.Send(t.Context(), &job.Batch{ID: "b", Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

const all = `CREATE TABLE g (id BIGINT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2), f DOUBLE PRECISION, b BLOB, at DATETIME(6), ok BOOLEAN, j VARCHAR(99))`

func TestRowsAreInsertedUpdatedAndDeleted(t *testing.T) {
	t.Parallel()
	each(t, []string{all}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		if err := table.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		const one = `{"id":1,"name":"é'\"\\","price":"1.50","f":0.1,"b":{"type":"Buffer","data":[0,255]},"at":"2024-01-02T03:04:05.000006Z","ok":true,"j":{"a":[1]}}`
		const two = `{"id":"9007199254740993","name":null,"price":2,"f":1e300,"b":null,"at":null,"ok":false,"j":[1]}`
		answers := send(t, table, put(job.Insert, "", one), put(job.Insert, "", two))
		got := rows(t, c, "g")
		for _, want := range []string{`"id":1,`, `"name":"é'\"\\"`, `"f":0.1`, `"b":{"type":"Buffer","data":[0,255]}`, `"at":"2024-01-02T03:04:05.000006Z"`, `"id":"9007199254740993"`, `"name":null`, `"f":1e+300`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s is missing in\n%s", want, got)
			}
		}
		if answers[0].ID != `{"id":1}` {
			t.Errorf("the id is %s", answers[0].ID)
		}
		// Resent, as after a lost answer, it is harmless; missing columns leave values as they are.
		send(t, table, put(job.Insert, "", one), put(job.Update, answers[1].ID, `{"id":"9007199254740993","name":"two"}`))
		if got := rows(t, c, "g"); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"name":"two"`) || !strings.Contains(got, `"f":1e+300`) {
			t.Errorf("%s", got)
		}
		// A row may change its key, and one is deleted.
		send(t, table, put(job.Update, answers[0].ID, `{"id":5,"name":"moved"}`), job.Operation{Kind: job.Delete, Key: "9007199254740993", ID: answers[1].ID})
		if got := rows(t, c, "g"); strings.Contains(got, "\n") || !strings.HasPrefix(got, `{"id":5,"name":"moved"`) {
			t.Errorf("%s", got)
		}
	})
}

// A text in a JSON column becomes the JSON that it is, or else a JSON string: JSON from a source arrives as text.
func TestATextBecomesJSON(t *testing.T) {
	t.Parallel()
	config := configs["postgres"](t)
	run(t, config, "CREATE TABLE g (id INT PRIMARY KEY, j JSONB)")
	d, err := sql.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, answer := range send(t, d.Table(sql.Leg{Table: "g", Key: []string{"id"}}), put(job.Insert, "", `{"id":1,"j":"{\"a\": [1.0]}"}`), put(job.Insert, "", `{"id":2,"j":"x \" y"}`),
		put(job.Insert, "", `{"id":3,"j":""}`), put(job.Insert, "", `{"id":4,"j":[1]}`)) {
		if answer.Refused != "" {
			t.Error(answer.Refused)
		}
	}
	want := []string{`{"id":1,"j":{"a": [1.0]}}`, `{"id":2,"j":"x \" y"}`, `{"id":3,"j":""}`, `{"id":4,"j":[1]}`}
	if got := rows(t, config, "g"); got != strings.Join(want, "\n") {
		t.Errorf("%s", got)
	}
}

// MySQL's year 0000 is not 2000, which it makes of the text 0.
func TestTheYear0000IsPreserved(t *testing.T) {
	t.Parallel()
	config := configs["mysql"](t)
	run(t, config, "CREATE TABLE g (id INT PRIMARY KEY, y YEAR)")
	d, err := sql.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	send(t, d.Table(sql.Leg{Table: "g", Key: []string{"id"}}), put(job.Insert, "", `{"id":1,"y":0}`), put(job.Insert, "", `{"id":2,"y":1999}`), put(job.Insert, "", `{"id":3,"y":null}`))
	if got := rows(t, config, "g"); got != `{"id":1,"y":0}`+"\n"+`{"id":2,"y":1999}`+"\n"+`{"id":3,"y":null}` {
		t.Errorf("%s", got)
	}
}

// Bits may come as a number, or as text if it is large: as text they would be the bits of its characters.
func TestBitsAreNumbers(t *testing.T) {
	t.Parallel()
	config := configs["mysql"](t)
	run(t, config, "CREATE TABLE g (id INT PRIMARY KEY, b BIT(64), one BIT)")
	d, err := sql.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	send(t, d.Table(sql.Leg{Table: "g", Key: []string{"id"}}), put(job.Insert, "", `{"id":1,"b":5,"one":0}`), put(job.Insert, "", `{"id":2,"b":"18446744073709551615","one":true}`),
		put(job.Insert, "", `{"id":3,"b":{"type":"Buffer","data":[1,0]},"one":1}`))
	const want = `{"id":1,"b":{"type":"Buffer","data":[0,0,0,0,0,0,0,5]},"one":{"type":"Buffer","data":[0]}}
{"id":2,"b":{"type":"Buffer","data":[255,255,255,255,255,255,255,255]},"one":{"type":"Buffer","data":[1]}}
{"id":3,"b":{"type":"Buffer","data":[0,0,0,0,0,0,1,0]},"one":{"type":"Buffer","data":[1]}}`
	if got := rows(t, config, "g"); got != want {
		t.Errorf("%s", got)
	}
}

func TestARowWithAnotherKeyIsNeverChanged(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT PRIMARY KEY, email VARCHAR(40) UNIQUE)", "INSERT INTO g VALUES (1, 'a'), (2, 'b')"}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		_, err := table.Send(t.Context(), &job.Batch{Operations: []job.Operation{put(job.Insert, "", `{"id":3,"email":"a"}`)}})
		if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.RowRefused {
			t.Errorf("%v", err)
		}
		// One row gives up its value and another one takes it, in one batch.
		send(t, table, job.Operation{Kind: job.Delete, Key: "1"}, put(job.Insert, "", `{"id":3,"email":"a"}`), put(job.Update, `{"id":2}`, `{"id":2,"email":"c"}`))
		if got := rows(t, c, "g"); got != `{"id":2,"email":"c"}`+"\n"+`{"id":3,"email":"a"}` {
			t.Errorf("%s", got)
		}
	})
}

func TestOnlyTheRowThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT PRIMARY KEY, n INT NOT NULL)"}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		answers := send(t, table, put(job.Insert, "", `{"id":1,"n":1}`), put(job.Insert, "", `{"id":2,"n":1,"other":1}`), put(job.Insert, "", `{"n":3}`), job.Operation{Kind: job.Delete, Key: "7"})
		if answers[0].Refused != "" || !strings.Contains(answers[1].Refused, `no column "other"`) || !strings.Contains(answers[2].Refused, "no value for the key column id") || answers[3].Refused != "" {
			t.Errorf("%+v", answers)
		}
		answers, err := table.Send(t.Context(), &job.Batch{Operations: []job.Operation{put(job.Insert, "", `{"id":4,"n":4}`), put(job.Insert, "", `{"id":5,"n":null}`)}})
		if err != nil || answers[0].Refused != "" || !strings.Contains(answers[1].Refused, "write to g") {
			t.Errorf("%+v, %v", answers, err)
		}
		if got := rows(t, c, "g"); got != `{"id":1,"n":1}`+"\n"+`{"id":4,"n":4}` {
			t.Errorf("%s", got)
		}
	})
}

func TestKeysOfSeveralColumnsAndLargeBatches(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT, part VARCHAR(9), n INT, PRIMARY KEY (id, part))"}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id", "part"}})
		var list []job.Operation
		for i := range 1500 {
			list = append(list, put(job.Insert, "", fmt.Sprintf(`{"id":%d,"part":"p%d","n":%d}`, i/2, i%2, i)))
		}
		answers := send(t, table, list...)
		if n := strings.Count(rows(t, c, "g"), "\n") + 1; n != 1500 {
			t.Errorf("%d rows", n)
		}
		for i := range list {
			list[i] = job.Operation{Kind: job.Delete, ID: answers[i].ID}
		}
		send(t, table, list[:1499]...)
		if got := rows(t, c, "g"); got != `{"id":749,"part":"p1","n":1499}` {
			t.Errorf("%.300s", got)
		}
	})
}

// Concurrent batches wait for each other, whatever they do first.
func TestBatchesInFlightDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT PRIMARY KEY, v INT)"}, func(t *testing.T, _ sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		var g errgroup.Group
		for worker := range 4 {
			g.Go(func() error {
				for i := range 40 {
					id := fmt.Sprintf(`{"id":%d}`, 10*i+worker)
					for _, o := range []job.Operation{put(job.Insert, "", fmt.Sprintf(`{"id":%d,"v":1}`, 10*i+worker)), {Kind: job.Delete, ID: id}} {
						if _, err := table.Send(t.Context(), &job.Batch{Operations: []job.Operation{o}}); err != nil {
							return fmt.Errorf("%s %s: %w", o.Kind, id, err)
						}
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// A batch that the server has chosen as a deadlock victim, for example against other users' transactions, is resent.
func TestADeadlockIsNotAFailure(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT PRIMARY KEY, v INT)"}, func(t *testing.T, _ sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		var up, down []job.Operation
		for id := range 300 {
			up = append(up, put(job.Update, "", fmt.Sprintf(`{"id":%d,"v":1}`, id)))
		}
		send(t, table, up...)
		down = slices.Clone(up)
		slices.Reverse(down)
		var g errgroup.Group
		for worker := range 2 {
			g.Go(func() error {
				for i := range 4 {
					if _, err := table.Send(t.Context(), &job.Batch{Operations: [][]job.Operation{up, down}[worker%2]}); err != nil {
						return fmt.Errorf("%d: %w", i, err)
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Rows that move by one place, where places are unique, do not block each other, up or down, with a row between them
// that stays refused, and with one that is deleted or changes its key.
func TestRowsMaySwapUniqueValues(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT PRIMARY KEY, place INT NOT NULL UNIQUE)", "INSERT INTO g VALUES (100, 1000)"}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
		var list []job.Operation
		for id := range 50 {
			list = append(list, put(job.Insert, "", fmt.Sprintf(`{"id":%d,"place":%d}`, id, 2*id)))
		}
		ids := send(t, table, list...)
		for _, by := range []int{2, -2, 2} {
			list = nil
			for id := range 50 {
				list = append(list, put(job.Update, ids[id].ID, fmt.Sprintf(`{"id":%d,"place":%d}`, id, 2*id+max(by, 0))))
			}
			list[7].Data = []byte(`{"id":7,"place":1000}`) // the value of another row
			answers := send(t, table, list...)
			for i, a := range answers {
				if (a.Refused != "") != (by > 0 && i <= 7 || by < 0 && i >= 7) { // it blocks those behind it
					t.Errorf("by %d, row %d: %+v", by, i, a)
				}
			}
			list[7].Data = fmt.Appendf(nil, `{"id":7,"place":%d}`, 14+max(by, 0))
			send(t, table, list...)
		}
		// Its delete goes first, and a row that changes its key leaves the old one only if it arrives.
		answers := send(t, table, put(job.Update, ids[0].ID, `{"id":0,"place":100}`), job.Operation{Kind: job.Delete, Key: "49", ID: ids[49].ID}, put(job.Update, ids[1].ID, `{"id":200,"place":1000}`))
		if answers[0].Refused != "" || answers[1].Refused != "" || answers[2].Refused == "" {
			t.Errorf("%+v", answers)
		}
		got := rows(t, c, "g")
		if !strings.Contains(got, `{"id":0,"place":100}`) || strings.Contains(got, `"id":49,`) || !strings.Contains(got, `{"id":1,"place":4}`) || strings.Contains(got, `"id":200`) {
			t.Errorf("%s", got)
		}
	})
}

func TestRowsWithoutAKeyAreAdded(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE g (id INT, n INT)"}, func(t *testing.T, c sqldb.Config, d *sql.Database) {
		table := d.Table(sql.Leg{Table: "g"})
		for range 2 {
			send(t, table, put(job.Insert, "", `{"id":1,"n":1}`), put(job.Insert, "", `{"n":2,"id":2}`))
		}
		if n := strings.Count(rows(t, c, "g"), "\n") + 1; n != 4 {
			t.Errorf("%d rows", n)
		}
		if err := d.Table(sql.Leg{Table: "g", Key: []string{"nr"}}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), `no key column "nr"`) {
			t.Errorf("%v", err)
		}
		if err := d.Table(sql.Leg{Table: "h"}).Check(t.Context()); err == nil {
			t.Error("a missing table was accepted")
		}
	})
}

// Keys that differ at the source but are equal in the table: the first is kept, the others are refused, and none is
// overwritten or deleted instead of another.
func TestAKeyThatTheTableChangesIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, column string
		keys         []string // JSON; the first can be kept
	}{
		"case":         {"mysql", "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", []string{`"a"`, `"A"`, `"á"`, `"a "`}},
		"nocase":       {"sqlite", "TEXT COLLATE NOCASE", []string{`"a"`, `"A"`}},
		"numbers":      {"mysql", "INT", []string{`"1"`, `"01"`, `"1.0"`, `" 1"`, `"1.4"`}},
		"affinity":     {"sqlite", "INTEGER", []string{`"1"`, `"01"`, `"1.0"`, `" 1"`}},
		"integers":     {"postgres", "INT", []string{`"7"`, `"007"`, `" 7"`}},
		"moments":      {"mysql", "DATETIME", []string{`"2024-01-02T03:04:05.000Z"`, `"2024-01-02T03:04:05.300Z"`, `"2024-01-02T03:04:05.000001Z"`}},
		"timestamps":   {"postgres", "TIMESTAMP(0)", []string{`"2024-01-02T03:04:05.000Z"`, `"2024-01-02T03:04:05.300Z"`}},
		"decimals":     {"mysql", "DECIMAL(10,2)", []string{`"1.50"`, `"1.501"`, `"1.4999"`}},
		"numeric":      {"postgres", "NUMERIC(10,2)", []string{`"1.50"`, `"1.501"`}},
		"padded":       {"postgres", "CHAR(4)", []string{`"a"`, `"a "`}},
		"short bytes":  {"mysql", "VARBINARY(9)", []string{`{"type":"Buffer","data":[65]}`}},
		"other bytes":  {"postgres", "BYTEA", []string{`{"type":"Buffer","data":[92,120,52,49]}`, `"A"`}},
		"dates":        {"postgres", "DATE", []string{`"2024-02-29"`, `"2024-02-29T03:04:05.000Z"`}},
		"floats":       {"mysql", "DOUBLE", []string{`0.1`, `"0.10"`}},
		"unicode":      {"postgres", "TEXT", []string{`"e\u0301"`, `1`}},
		"empty":        {"mysql", "VARCHAR(9)", []string{`""`, `" "`}},
		"zero":         {"mysql", "BIGINT", []string{`0`, `"-0"`, `"00"`}},
		"bits":         {"mysql", "BIT(12)", []string{`{"type":"Buffer","data":[15,255]}`, `{"type":"Buffer","data":[255]}`, `{"type":"Buffer","data":[0,15,255]}`}},
		"bit numbers":  {"mysql", "BIT(12)", []string{`4095`, `255`}},
		"node's times": {"mysql", "DATETIME(6)", []string{`"2024-01-02 03:04:05.000600"`, `"2024-01-02 03:04:05"`}},
		"pg's times":   {"postgres", "TIMESTAMP", []string{`"2024-01-02 03:04:05.000600"`}},
		"file's times": {"sqlite", "DATETIME", []string{`"2024-01-02 03:04:05.000600"`}},
		"large number": {"mysql", "BIGINT UNSIGNED", []string{`"18446744073709551615"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configs[c.kind](t)
			column := c.column
			run(t, config, "CREATE TABLE g (id "+column+" PRIMARY KEY, v INT)")
			d, err := sql.Open(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
			first := send(t, table, put(job.Insert, "", fmt.Sprintf(`{"id":%s,"v":1}`, c.keys[0])))[0]
			before := rows(t, config, "g")
			for i, k := range c.keys[1:] {
				data := fmt.Sprintf(`{"id":%s,"v":%d}`, k, i+2)
				_, err := table.Send(t.Context(), &job.Batch{Operations: []job.Operation{put(job.Insert, "", data)}})
				e, ok := errors.AsType[*remote.Error](err)
				if err != nil && (!ok || e.Next.Do != remote.RowRefused) {
					t.Errorf("%s: %v", k, err)
				}
				if err == nil { // it is another row there too
					if got := rows(t, config, "g"); !strings.HasPrefix(before, strings.Split(got, "\n")[0]) && !strings.Contains(got, before) {
						t.Errorf("%s replaced the first: %s", k, got)
					}
					run(t, config, fmt.Sprintf("DELETE FROM g WHERE v = %d", i+2))
					continue
				}
				if !strings.Contains(err.Error(), "key") && !strings.Contains(err.Error(), "nvalid") && !strings.Contains(err.Error(), "ncorrect") && !strings.Contains(err.Error(), "Duplicate") {
					t.Errorf("%s: the reason is %v", k, err)
				}
				// In one batch with the first, it alone is refused.
				answers := send(t, table, put(job.Update, first.ID, fmt.Sprintf(`{"id":%s,"v":1}`, c.keys[0])), put(job.Insert, "", data))
				if answers[0].Refused != "" || answers[1].Refused == "" {
					t.Errorf("%s and the first: %+v", k, answers)
				}
				if got := rows(t, config, "g"); got != before {
					t.Errorf("after %s: got %s, want %s", k, got, before)
				}
			}
			// Resent and changed, the first is the same row; deleted, it goes.
			send(t, table, put(job.Update, first.ID, fmt.Sprintf(`{"id":%s,"v":9}`, c.keys[0])))
			if got := rows(t, config, "g"); !strings.HasSuffix(got, `"v":9}`) || strings.Contains(got, "\n") {
				t.Errorf("changed: %s", got)
			}
			send(t, table, job.Operation{Kind: job.Delete, ID: first.ID})
			if got := rows(t, config, "g"); got != "" {
				t.Errorf("deleted: %s", got)
			}
		})
	}
}

// The delete of a row that was never accepted deletes no other.
func TestADeleteFindsOnlyItsOwnRow(t *testing.T) {
	t.Parallel()
	for kind, column := range map[string]string{"mysql": "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "sqlite": "TEXT COLLATE NOCASE"} {
		config := configs[kind](t)
		run(t, config, "CREATE TABLE g (id "+column+", part INT, PRIMARY KEY (id, part))")
		d, err := sql.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		table := d.Table(sql.Leg{Table: "g", Key: []string{"id", "part"}})
		send(t, table, put(job.Insert, "", `{"id":"a","part":1}`))
		for _, key := range []string{"A", "a"} {
			text, err := record.Key([]any{key, int64(1)}, false)
			if err != nil {
				t.Fatal(err)
			}
			send(t, table, job.Operation{Kind: job.Delete, Key: text})
			if got := rows(t, config, "g"); (got == "") != (key == "a") {
				t.Errorf("%s: deleting %s leaves %q", kind, key, got)
			}
		}
	}
}
