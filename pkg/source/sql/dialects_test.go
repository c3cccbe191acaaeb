package sql_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// openPostgres runs statements and returns a source that reads their tables.
func openPostgres(t *testing.T, statements ...string) *source.Source {
	t.Helper()
	server := testkit.Postgres(t)
	return opened(t, sqldb.Config{Driver: "postgres", Host: server.Host, Port: server.Port, User: server.User, Database: server.Schema(t, statements...)})
}

// openSQLite does the same for SQLite.
func openSQLite(t *testing.T, statements ...string) *source.Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop #1.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(file, "#", "%23"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return opened(t, sqldb.Config{Driver: "sqlite", Database: file})
}

func opened(t *testing.T, c sqldb.Config) *source.Source {
	t.Helper()
	s, err := source.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// kinds are the databases available here.
var kinds = map[string]func(*testing.T, ...string) *source.Source{"mysql": open, "postgres": openPostgres, "sqlite": openSQLite}

func TestF03ValuesOfPostgreSQLHaveTheSameForm(t *testing.T) {
	t.Parallel()
	s := openPostgres(t, `CREATE TABLE g (big NUMERIC(20), small BIGINT, n INT, price DECIMAL(10,2), f DOUBLE PRECISION, g REAL, b BYTEA, at TIMESTAMPTZ, exact TIMESTAMP, d DATE, tm TIME, name TEXT, ok BOOLEAN, j JSONB, u UUID, list INT[], gone INT)`,
		`INSERT INTO g VALUES (18446744073709551615, -9007199254740993, 1, 1.5, 0.1, 0.1, '\x00ff', '2024-01-02 05:04:05.006+02', '2024-01-02 03:04:05.000006', '2024-02-29', '10:11:12', 'é"', true, '{"a": [1]}', '00000000-0000-0000-0000-00000000000a', '{1,2}', NULL)`)
	list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g;"}})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	want := `{"big":"18446744073709551615","small":"-9007199254740993","n":1,"price":"1.50","f":0.1,"g":0.1,"b":{"type":"Buffer","data":[0,255]},` +
		`"at":"2024-01-02T03:04:05.006Z","exact":"2024-01-02T03:04:05.000006Z","d":"2024-02-29","tm":"10:11:12","name":"é\"","ok":true,"j":{"a": [1]},"u":"00000000-0000-0000-0000-00000000000a","list":"{1,2}","gone":null}`
	if got := string(list[0].Data); got != want {
		t.Errorf("the row is\n%s\nwant\n%s", got, want)
	}
}

func TestF03ValuesOfSQLiteHaveTheSameForm(t *testing.T) {
	t.Parallel()
	s := openSQLite(t, `CREATE TABLE g (big TEXT, small BIGINT, n INT, price DECIMAL(10,2), f DOUBLE, b BLOB, at DATETIME, d TEXT, name TEXT, ok BOOLEAN, gone INT)`,
		`INSERT INTO g VALUES ('18446744073709551615', -9007199254740993, 1, '1.50', 0.1, x'00ff', '2024-01-02 03:04:05.006', '2024-02-29', 'é"', 1, NULL)`)
	list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g;"}})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	want := `{"big":"18446744073709551615","small":"-9007199254740993","n":1,"price":1.5,"f":0.1,"b":{"type":"Buffer","data":[0,255]},` +
		`"at":"2024-01-02T03:04:05.006Z","d":"2024-02-29","name":"é\"","ok":true,"gone":null}`
	if got := string(list[0].Data); got != want {
		t.Errorf("the row is\n%s\nwant\n%s", got, want)
	}
}

func TestEachDatabaseIsReadFromAWatermark(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		for column, values := range map[string][3]string{"TIMESTAMP": {"'2024-01-01 00:00:00.999999'", "'2024-01-01 00:00:01'", "'2024-01-01 00:00:01'"}, "INT": {"9", "10", "10"}, "VARCHAR(9)": {"'09'", "'10'", "'10'"}} {
			if kind == "mysql" && column == "TIMESTAMP" {
				column = "DATETIME(6)"
			}
			s := open(t, fmt.Sprintf("CREATE TABLE g (id INT PRIMARY KEY, at %s)", column), fmt.Sprintf("INSERT INTO g VALUES (2, %s), (1, %s), (3, %s)", values[2], values[1], values[0]))
			from := job.From{Query: "SELECT * FROM g", Key: []string{"id"}, Watermark: "at"}
			list, err := read(t, s, job.Request{From: from})
			if err != nil || len(list) != 3 || list[0].Key != "3" || list[1].Key != "1" || list[2].Key != "2" {
				t.Errorf("%s, %s: %v, %v", kind, column, list, err)
				continue
			}
			if list, err = read(t, s, job.Request{From: from, Since: &list[2].Mark}); err != nil || len(list) != 2 {
				t.Errorf("%s, %s: %d rows, %v", kind, column, len(list), err)
			}
		}
	}
}

func TestEachDatabaseIsOnlyRead(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		s := open(t, "CREATE TABLE g (id INT PRIMARY KEY)", "INSERT INTO g VALUES (1), (2)")
		for _, query := range []string{"DELETE FROM g", "CREATE TABLE h (id INT)"} {
			if _, err := read(t, s, job.Request{From: job.From{Query: query}}); err == nil {
				t.Errorf("%s: %s was executed", kind, query)
			}
		}
		if list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g"}}); err != nil || len(list) != 2 {
			t.Errorf("%s: %d rows are left, %v", kind, len(list), err)
		}
	}
}

// A result of any size needs memory for only some rows.
func TestEachDatabaseIsStreamed(t *testing.T) { // not in parallel: it measures the process's memory
	const series = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT a.n * 1000 + b.n AS id, 'some text to make it longer' AS name FROM s a, (SELECT n FROM s WHERE n <= 100) b"
	for kind, open := range kinds {
		s := open(t, "CREATE TABLE g (id INT)")
		n := 0
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := s.Read(t.Context(), job.Request{From: job.From{Query: series, Key: []string{"id"}}}, func(*record.Record) error {
			if n++; n%25000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				if more := int64(now.HeapAlloc) - int64(before.HeapAlloc); more > 4<<20 {
					t.Errorf("%s: after %d rows %d bytes are in use", kind, n, more)
				}
			}
			return nil
		}); err != nil || n != 100000 {
			t.Errorf("%s: %d rows, %v", kind, n, err)
		}
	}
}

func TestAMissingFileIsNotCreated(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "none.db")
	s := opened(t, sqldb.Config{Driver: "sqlite", Database: file})
	if err := s.Check(t.Context()); err == nil {
		t.Error("a missing file was opened")
	}
	if found, _ := filepath.Glob(file + "*"); len(found) != 0 {
		t.Errorf("it was created: %v", found)
	}
}

func TestRowsWithoutAWatermarkAreReadEachTime(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		s := open(t, "CREATE TABLE g (id INT PRIMARY KEY, at INT)", "INSERT INTO g VALUES (1, 5), (2, NULL), (3, 7)")
		since := "6"
		list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g", Key: []string{"id"}, Watermark: "at"}, Since: &since})
		if err != nil || len(list) != 2 {
			t.Errorf("%s: %d rows, %v", kind, len(list), err)
		}
	}
}
