package blueprint_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/blueprint"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// made are tables with the features that people use.
var made = []string{
	"CREATE TABLE shops (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, boss INT NULL, name VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_german1_ci NOT NULL DEFAULT 'it''s\\\\me', UNIQUE KEY by_name (name(10)))" +
		" COMMENT 'it''s `all` \\\\ here'",
	"CREATE TABLE staff (shop INT UNSIGNED NOT NULL, nr INT NOT NULL, a TINYINT(1) NOT NULL DEFAULT -1, b DECIMAL(10,2) UNSIGNED DEFAULT 1.50, c DOUBLE, d FLOAT NULL DEFAULT 0.5, e BIT(4) DEFAULT b'101'," +
		" f ENUM('a','b''c','d,e','f\\\\g','h\\ni','') NOT NULL DEFAULT 'b''c', g SET('x','y') DEFAULT 'x,y', h DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)," +
		" i TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, j DATE DEFAULT '2020-01-01', k TIME(3), l YEAR, m VARBINARY(20) DEFAULT 'abc', n LONGTEXT, o BLOB, p JSON, q CHAR(10) NOT NULL DEFAULT '' COMMENT 'a ''quoted'' one'," +
		" r GEOMETRY NOT NULL, s VARCHAR(20) DEFAULT 'ä€\n', `we``ird name` INT, t DATETIME DEFAULT CURRENT_TIMESTAMP," +
		" u BINARY(4) DEFAULT 'ab', v VARCHAR(9) CHARACTER SET latin1 DEFAULT 'ab', w VARCHAR(9) COLLATE utf8mb4_bin, x INT INVISIBLE, y INT NOT NULL DEFAULT 3 INVISIBLE COMMENT 'hidden', z TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP INVISIBLE," +
		" PRIMARY KEY (shop, nr), KEY parts (q(3), a), FULLTEXT KEY words (n), SPATIAL KEY places (r), UNIQUE KEY (nr), CONSTRAINT works_at FOREIGN KEY (shop) REFERENCES shops (id) ON DELETE CASCADE ON UPDATE RESTRICT)",
}

// shown is the server's definition of a table, without the count of its AUTO_INCREMENT.
func shown(t *testing.T, db *mysqldb.DB, table string) string {
	t.Helper()
	var name, text string
	if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE "+mysqldb.Quote(table)).Scan(&name, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// A table is created at another site as it is at the first, whatever its features, and in any order.
func TestTablesAreCreatedAsTheyAre(t *testing.T) {
	t.Parallel()
	one, other := testkit.OwnSchema(t, made[0], made[1], "ALTER TABLE shops ADD FOREIGN KEY manager (boss) REFERENCES staff (nr)"), testkit.OwnSchema(t)
	read, err := blueprint.Read(t.Context(), one, []string{"staff", "shops"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	var tables []blueprint.Table
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time after a kill
		if err := blueprint.Create(t.Context(), other, tables); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"shops", "staff"} {
		if want, got := shown(t, one, name), shown(t, other, name); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if missing, lacking, err := blueprint.Missing(t.Context(), other, tables); err != nil || len(missing) != 0 || len(lacking) != 0 {
		t.Errorf("%v, %v, %v", missing, lacking, err)
	}
	if _, err := other.ExecContext(t.Context(), "ALTER TABLE staff DROP COLUMN b"); err != nil {
		t.Fatal(err)
	}
	tables[1].Name = "elsewhere"
	if missing, lacking, err := blueprint.Missing(t.Context(), other, tables); err != nil || len(missing) != 1 || strings.Join(lacking, " ") != "staff.b" {
		t.Errorf("%v, %v, %v", missing, lacking, err)
	}
}

// A table with an expression is not carried, and the reason is given.
func TestExpressionsAreNotCarried(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE a (id INT PRIMARY KEY, b INT AS (id + 1))", "CREATE TABLE c (id INT PRIMARY KEY, d VARCHAR(40) DEFAULT (CONCAT('a', 'b')))", "CREATE TABLE e (id INT)",
		"CREATE TABLE f (id INT PRIMARY KEY, g VARBINARY(9) DEFAULT x'fffe')")
	tables, err := blueprint.Read(t.Context(), db, []string{"a", "c", "e", "f"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"its column b is generated", "the default of its column d is an expression", "no key", "the default of its column g is an expression, or not text"} {
		if !strings.Contains(tables[i].Cannot, want) || len(tables[i].Columns) != 0 {
			t.Errorf("%+v, want %q", tables[i], want)
		}
		if err := blueprint.Create(t.Context(), db, tables[i:i+1]); err == nil || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("%s: %v", tables[i].Name, err)
		}
	}
}

// A malicious hub gets no SQL of its own into the statement.
func TestAHostileDefinitionIsRefused(t *testing.T) {
	good := func() *blueprint.Table {
		return &blueprint.Table{Name: "t", Charset: "utf8mb4", Columns: []blueprint.Column{{Name: "id", Type: "int(11)"}}, Indexes: []blueprint.Index{{Name: "PRIMARY", Fields: []blueprint.Part{{Column: "id"}}}},
			Refers: []blueprint.Reference{{Name: "r", Columns: []string{"id"}, Table: "p", Parents: []string{"id"}, OnDelete: "CASCADE", OnUpdate: "RESTRICT"}}}
	}
	if c := (blueprint.Table{Name: "t", Columns: []blueprint.Column{{Name: "id", Type: "inet6"}}, Indexes: []blueprint.Index{{Name: "PRIMARY", Fields: []blueprint.Part{{Column: "id"}}}}}); c.Valid() != nil {
		t.Error(c.Valid())
	}
	if err := good().Valid(); err != nil {
		t.Fatal(err)
	}
	evil, number, bits := "0; DROP TABLE users", "1 OR 1", "1'"
	for what, spoil := range map[string]func(*blueprint.Table){
		"charset":    func(t *blueprint.Table) { t.Charset = "utf8 SELECT 1" },
		"collation":  func(t *blueprint.Table) { t.Columns[0].Collate = "x'y" },
		"type":       func(t *blueprint.Table) { t.Columns[0].Type = "int, x int" },
		"type 2":     func(t *blueprint.Table) { t.Columns[0].Type = "int) AS (SELECT 1" },
		"type 3":     func(t *blueprint.Table) { t.Columns[0].Type = "sometype" },
		"type 4":     func(t *blueprint.Table) { t.Columns[0].Type = "int\n" },
		"enum":       func(t *blueprint.Table) { t.Columns[0].Type = "enum" },
		"members":    func(t *blueprint.Table) { t.Columns[0].Members = []string{"a"} },
		"default":    func(t *blueprint.Table) { t.Columns[0].Default, t.Columns[0].Unquoted = &evil, true },
		"number":     func(t *blueprint.Table) { t.Columns[0].Default, t.Columns[0].Unquoted = &number, true },
		"bits":       func(t *blueprint.Table) { t.Columns[0].Default, t.Columns[0].Bits = &bits, true },
		"now":        func(t *blueprint.Table) { t.Columns[0].Now = "sometimes" },
		"digits":     func(t *blueprint.Table) { t.Columns[0].Digits = 9 },
		"action":     func(t *blueprint.Table) { t.Refers[0].OnDelete = "CASCADE, x" },
		"kind":       func(t *blueprint.Table) { t.Indexes[0].Kind = "vector" },
		"length":     func(t *blueprint.Table) { t.Indexes[0].Fields[0].Length = -1 },
		"column":     func(t *blueprint.Table) { t.Indexes[0].Fields[0].Column = "other" },
		"no key":     func(t *blueprint.Table) { t.Indexes = nil },
		"no columns": func(t *blueprint.Table) { t.Columns = nil },
		"name":       func(t *blueprint.Table) { t.Name = "a\x00b" },
		"no name":    func(t *blueprint.Table) { t.Name = "" },
		"large":      func(t *blueprint.Table) { t.Comment = strings.Repeat("x", 1<<20) },
	} {
		x := good()
		spoil(x)
		if x.Valid() == nil {
			t.Errorf("%s is taken: %s", what, x.Create())
		}
	}
	x := good()
	x.Name, x.Comment, x.Columns[0].Comment = "a`b", `\' , x`, "'"
	if got, want := x.Create(), "CREATE TABLE `a``b` (\n  `id` int(11) NOT NULL COMMENT '''',"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ` COMMENT '\\'' , x'`) {
		t.Errorf("got %s", got)
	}
}
