package sql_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// open runs statements and returns a source that reads their tables.
func open(t *testing.T, statements ...string) *sql.Source {
	t.Helper()
	db := testkit.Schema(t, statements...)
	server := testkit.Shared(t)
	s, err := sql.Open(sqldb.Config{Driver: "mysql", Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: db.Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func read(t *testing.T, s *sql.Source, r job.Request) (list []*record.Record, err error) {
	t.Helper()
	err = s.Read(context.Background(), r, func(rec *record.Record) error {
		list = append(list, rec)
		return nil
	})
	return list, err
}

func TestF03ValuesHaveOneForm(t *testing.T) {
	t.Parallel()
	s := open(t, `CREATE TABLE g (big BIGINT UNSIGNED, small BIGINT, n INT, price DECIMAL(10,2), f DOUBLE, g FLOAT, b BLOB, at DATETIME(3), exact DATETIME(6), d DATE, tm TIME, name VARCHAR(9), y YEAR, gone INT)`,
		`INSERT INTO g VALUES (18446744073709551615, -9007199254740993, 1, 1.5, 0.1, 0.1, x'00ff', '2024-01-02 03:04:05.006', '2024-01-02 03:04:05.000006', '2024-02-29', '-10:11:12', 'é"', 2024, NULL)`)
	list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g;"}})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	want := `{"big":"18446744073709551615","small":"-9007199254740993","n":1,"price":"1.50","f":0.1,"g":0.1,"b":{"type":"Buffer","data":[0,255]},` +
		`"at":"2024-01-02T03:04:05.006Z","exact":"2024-01-02T03:04:05.000006Z","d":"2024-02-29","tm":"-10:11:12","name":"é\"","y":2024,"gone":null}`
	if got := string(list[0].Data); got != want {
		t.Errorf("the row is\n%s\nwant\n%s", got, want)
	}
}

// Each value is exact to the last digit, even if the server prints it shorter.
func TestF03ValuesAreExact(t *testing.T) {
	t.Parallel()
	s := open(t, `CREATE TABLE g (f FLOAT, g DOUBLE, d DECIMAL(65,30), tm TIME(6), exact DATETIME(6), z INT(5) ZEROFILL, t TINYINT(1), y YEAR, b BIT(13), e ENUM('a','ü'), j LONGTEXT)`,
		`INSERT INTO g VALUES (16777215, 5e-324, 12345678901234567890123456789012345.123456789012345678901234567891, '-838:59:58.000001', '1000-01-01', 42, 5, 0, b'1000000000001', 'ü', '{"a": 1.0}'),
			(0.1234567, 1.7976931348623157e308, -0.000000000000000000000000000001, '00:00:00', '9999-12-31 23:59:59.999999', 0, -1, 2155, b'0', 'a', '')`)
	list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g ORDER BY d DESC"}})
	if err != nil || len(list) != 2 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	for i, want := range []string{
		`{"f":16777215,"g":5e-324,"d":"12345678901234567890123456789012345.123456789012345678901234567891","tm":"-838:59:58.000001","exact":"1000-01-01T00:00:00.000Z","z":42,"t":5,"y":0,"b":{"type":"Buffer","data":[16,1]},"e":"ü","j":"{\"a\": 1.0}"}`,
		`{"f":0.1234567,"g":1.7976931348623157e+308,"d":"-0.000000000000000000000000000001","tm":"00:00:00.000000","exact":"9999-12-31T23:59:59.999999Z","z":0,"t":-1,"y":2155,"b":{"type":"Buffer","data":[0,0]},"e":"a","j":""}`,
	} {
		if got := string(list[i].Data); got != want {
			t.Errorf("the row is\n%s\nwant\n%s", got, want)
		}
	}
	for _, q := range []string{"SHOW TABLES", "SELECT 1", "SHOW GRANTS", "EXPLAIN SELECT * FROM g", "WITH x AS (SELECT 1 AS a) SELECT * FROM x"} {
		if list, err := read(t, s, job.Request{From: job.From{Query: q}}); err != nil || len(list) == 0 {
			t.Errorf("%s: %d rows, %v", q, len(list), err)
		}
	}
}

func TestF08AndF11KeysAndDeletes(t *testing.T) {
	t.Parallel()
	s := open(t, "CREATE TABLE g (id VARCHAR(9), deleted VARCHAR(9))", "INSERT INTO g VALUES ('0', NULL), ('', '0'), (NULL, NULL), ('a', '')")
	from := job.From{Query: "SELECT * FROM g", Key: []string{"id"}, Deleted: "deleted"}
	list, err := read(t, s, job.Request{From: from})
	if err != nil || len(list) != 4 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	if list[0].Key != "0" || list[1].Key != "\x00" || list[1].Bad != "" || !strings.Contains(list[2].Bad, "id: has no key") {
		t.Errorf("the keys are %q, %q, %q (%s)", list[0].Key, list[1].Key, list[2].Key, list[2].Bad)
	}
	if list[0].Deleted || !list[1].Deleted || !list[3].Deleted {
		t.Errorf("NULL, '0' and '' mean deleted: %v, %v, %v", list[0].Deleted, list[1].Deleted, list[3].Deleted)
	}
	from.Truthy = true
	if list, err = read(t, s, job.Request{From: from}); err != nil || !list[1].Deleted || list[3].Deleted {
		t.Errorf("truthy: '0' and '' mean deleted: %v, %v, %v", list[1].Deleted, list[3].Deleted, err)
	}
	from.Key = []string{"nr"}
	if _, err = read(t, s, job.Request{From: from}); err == nil || !strings.Contains(err.Error(), `does not return "nr"`) || !strings.Contains(err.Error(), "id, deleted") {
		t.Errorf("a missing key column: %v", err)
	}
}

func TestAWatermarkIsReadFrom(t *testing.T) {
	t.Parallel()
	s := open(t, "CREATE TABLE g (id INT PRIMARY KEY, at DATETIME(6))", "INSERT INTO g VALUES (2, '2024-01-01 00:00:01'), (1, '2024-01-01 00:00:01'), (3, '2024-01-01 00:00:00.999999')")
	from := job.From{Query: "SELECT * FROM g ORDER BY id DESC", Key: []string{"id"}, Watermark: "at"}
	list, err := read(t, s, job.Request{From: from})
	if err != nil || len(list) != 3 || list[0].Key != "3" || list[1].Key != "1" || list[2].Key != "2" {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	if list[0].Mark != "2024-01-01 00:00:00.999999" {
		t.Errorf("the watermark is %q", list[0].Mark)
	}
	list, err = read(t, s, job.Request{From: from, Since: &list[1].Mark})
	if err != nil || len(list) != 2 {
		t.Errorf("%d rows since the watermark, %v", len(list), err)
	}
}

func TestARowWithoutAWatermarkMovesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, "CREATE TABLE g (id INT PRIMARY KEY, at DATETIME)", "INSERT INTO g VALUES (1, NULL)")
	list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g", Key: []string{"id"}, Watermark: "at"}})
	if err != nil || len(list) != 1 || list[0].Mark != "" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestASourceOnlyReads(t *testing.T) {
	t.Parallel()
	s := open(t, "CREATE TABLE g (id INT)", "INSERT INTO g VALUES (1)")
	if _, err := read(t, s, job.Request{From: job.From{Query: "DELETE FROM g"}}); err == nil {
		t.Error("the query deleted rows")
	}
	if list, err := read(t, s, job.Request{From: job.From{Query: "SELECT * FROM g"}}); err != nil || len(list) != 1 {
		t.Errorf("%d rows left, %v", len(list), err)
	}
	enough := errors.New("enough")
	if err := s.Read(context.Background(), job.Request{From: job.From{Query: "SELECT * FROM g"}}, func(*record.Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the reader's error: %v", err)
	}
}
