package schema_test

import (
	"database/sql"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func read(t *testing.T, db *mysqldb.DB, name string) *schema.Table {
	t.Helper()
	table, err := schema.Read(t.Context(), db, db.Name, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTableDefinitionsAreReadFromTheServer(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t,
		"CREATE TABLE parent (x INT UNSIGNED, y VARCHAR(10) COLLATE utf8mb4_unicode_ci, PRIMARY KEY (y, x))",
		"CREATE TABLE `the table` (n INT(5) ZEROFILL, `v``w` VARCHAR(10) COLLATE utf8mb4_unicode_ci NOT NULL, d DECIMAL(10,3), at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),"+
			" b BINARY(16) NOT NULL, twice DECIMAL(12,3) AS (d * 2) STORED, thrice DECIMAL(12,3) AS (d * 3) VIRTUAL, PRIMARY KEY (b, `v``w`), UNIQUE KEY u (d, n), UNIQUE KEY a (at),"+
			" KEY k (n), CONSTRAINT f FOREIGN KEY (`v``w`, n) REFERENCES parent (y, x) ON DELETE CASCADE)")
	table, err := schema.NewTables(db).Table(t.Context(), "the table")
	if err != nil {
		t.Fatal(err)
	}
	want := []value.Column{
		{Name: "n", DataType: "int", Kind: value.Integer, Type: "int(5) unsigned zerofill", Precision: 10, Unsigned: true, Zerofill: true, Nullable: true},
		{Name: "v`w", DataType: "varchar", Kind: value.Text, Type: "varchar(10)", Length: 10, Charset: "utf8mb4", Collation: "utf8mb4_unicode_ci"},
		{Name: "d", DataType: "decimal", Kind: value.Decimal, Type: "decimal(10,3)", Precision: 10, Scale: 3, Nullable: true},
		{Name: "at", DataType: "timestamp", Kind: value.Timestamp, Type: "timestamp(3)", Scale: 3},
		{Name: "b", DataType: "binary", Kind: value.Binary, Type: "binary(16)", Length: 16},
	}
	if !reflect.DeepEqual(table.Columns, want) {
		t.Errorf("got columns\n%+v, want\n%+v", table.Columns, want)
	}
	if got := []string{table.Columns[table.Key[0]].Name, table.Columns[table.Key[1]].Name}; len(table.Key) != 2 || !slices.Equal(got, []string{"b", "v`w"}) {
		t.Errorf("got key %q: its own order counts, not that of the columns", got)
	}
	if !reflect.DeepEqual(table.Unique, [][]string{{"at"}, {"d", "n"}}) {
		t.Errorf("got unique keys %q", table.Unique)
	}
	if f := table.ForeignKeys; len(f) != 1 || f[0].Name != "f" || f[0].RefTable != "parent" || f[0].OnDelete != "CASCADE" ||
		!slices.Equal(f[0].Columns, []string{"v`w", "n"}) || !slices.Equal(f[0].RefColumns, []string{"y", "x"}) {
		t.Errorf("got foreign keys %+v", f)
	}
	if _, ok := table.Column("twice"); ok || table.Index("thrice") >= 0 || table.Index("b") != 4 {
		t.Error("generated columns are found, or others are not")
	}
	if !slices.Equal(table.Names(), []string{"n", "v`w", "d", "at", "b"}) {
		t.Errorf("got names %q", table.Names())
	}
}

func TestUnsyncableTablesAreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t,
		"CREATE TABLE keyless (id INT)", "CREATE TABLE only_unique (id INT NOT NULL UNIQUE)",
		"CREATE TABLE prefix (a VARCHAR(100) NOT NULL, PRIMARY KEY (a(10)))",
		"CREATE TABLE imprecise (a DOUBLE PRIMARY KEY)",
		"CREATE VIEW seen AS SELECT * FROM keyless")
	names := []string{}
	wanted := map[string]struct {
		err  error
		text string
	}{
		"missing":     {schema.ErrNoTable, "missing"},
		"keyless":     {schema.ErrUnfit, "no primary key"},
		"only_unique": {schema.ErrUnfit, "no primary key"},
		"prefix":      {schema.ErrUnfit, "first 10 characters of column a"},
		"imprecise":   {schema.ErrUnfit, "column a: a DOUBLE"},
		"seen":        {schema.ErrUnfit, "view"},
	}
	// MariaDB has no such rule.
	if testkit.Shared(t).Flavour == testkit.FlavourMySQL {
		testkit.Exec(t, db, "CREATE TABLE mixed (id INT PRIMARY KEY) ENGINE=MyISAM")
		wanted["mixed"] = struct {
			err  error
			text string
		}{schema.ErrUnfit, "1785"}
	}
	for name, want := range wanted {
		names = append(names, name)
		_, err := schema.Read(t.Context(), db, db.Name, name)
		if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.text) || !strings.Contains(err.Error(), "table "+name) {
			t.Errorf("%s: got %v, want %v with %q", name, err, want.err, want.text)
		}
	}
	err := schema.NewTables(db).Check(t.Context(), names)
	for _, name := range names {
		if err == nil || !strings.Contains(err.Error(), "table "+name) {
			t.Errorf("Check does not name %s: %v", name, err)
		}
	}
}

func TestKeysAndIDsOfACompositeKey(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE t (a VARCHAR(20), b BINARY(2), n INT, PRIMARY KEY (b, a))")
	table := read(t, db, "t")
	testkit.Exec(t, db, `INSERT INTO t VALUES ('x,y\\', X'FF00', 1), ('', '0x', 2)`)
	for key, id := range map[string]string{"\xff\x00," + `x\,y\\`: `0xff00,x\,y\\`, "0x,": "0x3078,"} {
		if got, err := table.ID(key); err != nil || got != id {
			t.Errorf("ID of %q: got %q, %v, want %q", key, got, err, id)
		}
		if got, err := table.ParseID(id); err != nil || got != key {
			t.Errorf("key of %q: got %q, %v, want %q", id, got, err, key)
		}
		args, err := table.KeyArgs(nil, key)
		if err != nil {
			t.Fatal(err)
		}
		var found string
		err = db.GetContext(t.Context(), &found, "SELECT "+table.KeyExpr("")+" FROM t WHERE "+table.WhereKeys(1), args...)
		if err != nil || found != key {
			t.Errorf("%q finds %q, %v", key, found, err)
		}
	}
	for _, wrong := range []string{"", "a", "a,b,c", `a,b\`} {
		if got, err := table.ParseID(wrong); err == nil || !strings.Contains(err.Error(), "table t") {
			t.Errorf("key of %q: got %q, %v, want an error that names the table", wrong, got, err)
		}
	}
	if key, err := table.KeyOf([]string{"n", "a"}, [][]byte{nil, nil}); err == nil || !strings.Contains(err.Error(), "column b") {
		t.Errorf("key of a row without b: %q, %v", key, err)
	}
}

// TestKeysInAStatementFindTheirRows queries tables with keys of several types, all rows of a table
// at once.
func TestKeysInAStatementFindTheirRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key    string
		values string
		keys   []string
	}{
		"composite": {"a VARCHAR(20), b BINARY(2), PRIMARY KEY (b, a)", `('x,y\\', X'FF00'), ('', '0x')`, []string{"\xff\x00," + `x\,y\\`, "0x,"}},
		"text":      {"a VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY", `(''), ('it''s?'), ('\\'), ('é')`, []string{"", "it's?", `\`, "é"}},
		"whole":     {"a BIGINT PRIMARY KEY", `(-5), (0), (9223372036854775807)`, []string{"-5", "0", "9223372036854775807"}},
		"year":      {"a YEAR PRIMARY KEY", `(0), (2000), (2026)`, []string{"0000", "2000", "2026"}},
		"bit":       {"a BIT(40) PRIMARY KEY", `(0), (49), (1099511627775)`, []string{"0", "49", "1099511627775"}},
		"stamp":     {"a TIMESTAMP(3) PRIMARY KEY", `('2026-05-06 07:08:09.120')`, []string{"1778051289.120"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.Schema(t, "CREATE TABLE t ("+test.key+")")
			testkit.Exec(t, db, "INSERT INTO t VALUES "+test.values)
			table := read(t, db, "t")
			var q mysqldb.Statement
			q.SQL("SELECT " + table.KeyExpr("") + " FROM t WHERE ")
			if err := table.AddKeys(&q, slices.Values(test.keys)); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := q.Query(t.Context(), db, func(r *sql.Rows) error {
				var key string
				err := r.Scan(&key)
				got = append(got, key)
				return err
			})
			slices.Sort(got)
			slices.Sort(test.keys)
			if err != nil || !slices.Equal(got, test.keys) {
				t.Errorf("%q find %q, %v", test.keys, got, err)
			}
		})
	}
}

func TestMigrationsRunOnce(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	const shape = `SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME, ' ', COLUMN_TYPE) FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`
	var first, second []string
	for _, s := range []*[]string{&first, &second} {
		if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
			t.Fatal(err)
		}
		if err := db.SelectContext(t.Context(), s, shape); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(first, second) {
		t.Errorf("the second run changed\n%q\nto\n%q", second, first)
	}
	var tables []string
	if err := db.SelectContext(t.Context(), &tables, "SHOW TABLES"); err != nil {
		t.Fatal(err)
	}
	own := slices.Sorted(slices.Values(schema.Own))
	if slices.Sort(tables); !slices.Equal(tables, own) {
		t.Errorf("tables %q, but uninstall knows %q", tables, own)
	}
}

// TestNewTablesAreThoseOfTheMigrations compares the tables that a database is given at once with those to which the
// migrations bring it, also where making them was cut short.
func TestNewTablesAreThoseOfTheMigrations(t *testing.T) {
	t.Parallel()
	read := func(file string) []string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), ";\n"), ";\n")
	}
	made := func(migrations bool, before ...string) (shape string) {
		t.Helper()
		db := testkit.Schema(t, before...)
		core, logs := observer.New(zap.InfoLevel)
		if err := schema.Migrate(t.Context(), zap.New(core), db); err != nil {
			t.Fatal(err)
		}
		if ran := logs.FilterMessage("own tables migrated").Len() > 0; ran != migrations {
			t.Errorf("after %d statements: migrations ran: %v, want %v", len(before), ran, migrations)
		}
		for _, table := range schema.Own {
			var name, text string
			if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE "+table).Scan(&name, &text); err != nil {
				t.Fatal(err)
			}
			shape += text + "\n"
		}
		var numbers []string
		if err := db.SelectContext(t.Context(), &numbers, "SELECT number FROM sync_migrations ORDER BY number"); err != nil {
			t.Fatal(err)
		}
		return shape + strings.Join(numbers, " ")
	}
	want := made(true, read("migrations/0001_core.sql")...) // as a version that was killed left them
	newest := read("newest.sql")
	for _, k := range []int{0, 1, 2, len(newest) / 2, len(newest)} {
		if got := made(k > 0, newest[:k]...); got != want {
			t.Errorf("%d of %d statements had run:\n%s\nwant\n%s", k, len(newest), got, want)
		}
	}
}

func TestMigrationsContinueAfterAKill(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	for range 2 {
		if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, db, "DELETE FROM sync_migrations") // as if killed before it was recorded
	}
}

func TestAnOlderVersionDoesNotTouchNewerTables(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, db, "INSERT INTO sync_migrations VALUES (9999, NOW())")
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("Migrate: %v, want an error that names the newer version", err)
	}
}

func TestCommandsRequireTablesOfThisVersion(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	check := func(want string) {
		t.Helper()
		if err := schema.CheckReady(t.Context(), db); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckReady: %v, want an error with %q", err, want)
		}
	}
	check("has no mysql-sync tables")
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	if err := schema.CheckReady(t.Context(), db); err != nil {
		t.Error(err)
	}
	testkit.Exec(t, db, "DELETE FROM sync_migrations WHERE number > 1")
	check("from an older version: start the node once first")
	testkit.Exec(t, db, "INSERT INTO sync_migrations VALUES (9999, NOW())")
	check("newer version")
}

// TestTheTableOfAnExistingPeerIsTakenOver keeps its contents, and lets that peer's triggers go on
// writing until they are replaced: no user's write fails.
func TestTheTableOfAnExistingPeerIsTakenOver(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO table_changes (table_name, primary_key, operation) VALUES ('t', "
	db := testkit.Schema(t,
		"CREATE TABLE table_changes (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(255) NOT NULL, primary_key VARCHAR(255) NOT NULL,"+
			" operation VARCHAR(10) NOT NULL, `row` TEXT NOT NULL DEFAULT (''), time INT NOT NULL DEFAULT 0) CHARACTER SET utf8mb4",
		"CREATE TABLE t (id VARCHAR(20) PRIMARY KEY) CHARACTER SET utf8mb4",
		"CREATE TRIGGER mysqlSyncInsertT AFTER INSERT ON t FOR EACH ROW "+insert+"NEW.id, 'insert')",
		"INSERT INTO t VALUES ('ä')")
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, db, "INSERT INTO t VALUES ('ö')",
		"INSERT INTO table_changes (table_name, primary_key, date, origin) VALUES ('t', X'FF00', UTC_TIMESTAMP(6), NULL)")
	var got []string
	if err := db.SelectContext(t.Context(), &got, "SELECT HEX(primary_key) FROM table_changes WHERE table_name = 't' AND date > 0 ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{"C3A4", "C3B6", "FF00"}) {
		t.Errorf("got changes %q", got)
	}
	testkit.Exec(t, db, "DELETE FROM sync_migrations")
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Errorf("taken over again: %v", err)
	}
}

func TestAnUnrelatedTableOfThatNameIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE table_changes (day DATE PRIMARY KEY)")
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err == nil || !strings.Contains(err.Error(), "rename it") {
		t.Errorf("Migrate: %v, want an error that says what to do", err)
	}
}

func TestACachedDefinitionIsRefreshedWhenTheTableChanges(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	tables := schema.NewTables(db)
	first, err := tables.Fresh(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tables.Fresh(t.Context(), "t"); err != nil || again != first {
		t.Errorf("an unchanged table is read again: %v", err)
	}
	testkit.Exec(t, db, "ALTER TABLE t ADD n INT")
	if second, err := tables.Fresh(t.Context(), "t"); err != nil || second.Index("n") != 1 {
		t.Errorf("the new column is not seen: %v", err)
	}
	testkit.Exec(t, db, "DROP TABLE t")
	if got, err := tables.Fresh(t.Context(), "t"); !errors.Is(err, schema.ErrNoTable) {
		t.Errorf("a dropped table is read as %v, %v", got, err)
	}
}

// TestForeignKeysBetweenSchemas has a parent in another schema, whose own parent is back in the
// first one, and a child in a third.
func TestForeignKeysBetweenSchemas(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE top (id INT PRIMARY KEY)")
	server := testkit.Shared(t)
	middle, third := server.Create(t), server.Create(t)
	testkit.Exec(t, db, "CREATE TABLE "+middle+".m (id INT PRIMARY KEY, CONSTRAINT f FOREIGN KEY (id) REFERENCES "+db.Name+".top (id) ON DELETE CASCADE)",
		"CREATE TABLE low (id INT PRIMARY KEY, CONSTRAINT f FOREIGN KEY (id) REFERENCES "+middle+".m (id))",
		"CREATE TABLE lowest (id INT PRIMARY KEY, CONSTRAINT g FOREIGN KEY (id) REFERENCES low (id))",
		"CREATE TABLE "+third+".x (a INT, b INT, PRIMARY KEY (a, b), CONSTRAINT f FOREIGN KEY (a) REFERENCES "+db.Name+".low (id))")
	for name, test := range map[string]struct {
		read func() ([]schema.ForeignKey, error)
		want []string
	}{
		"within":   {func() ([]schema.ForeignKey, error) { return schema.ForeignKeys(t.Context(), db, db.Name) }, []string{db.Name + ".lowest " + db.Name + ".low"}},
		"ancestry": {func() ([]schema.ForeignKey, error) { return schema.Ancestry(t.Context(), db, db.Name) }, []string{db.Name + ".low " + middle + ".m", db.Name + ".lowest " + db.Name + ".low", middle + ".m " + db.Name + ".top"}},
		"outside":  {func() ([]schema.ForeignKey, error) { return schema.Outside(t.Context(), db, db.Name) }, []string{middle + ".m " + db.Name + ".top", third + ".x " + db.Name + ".low"}},
	} {
		keys, err := test.read()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range keys {
			got = append(got, f.Schema+"."+f.Table+" "+f.RefSchema+"."+f.RefTable)
			if len(f.Columns) != 1 || len(f.RefColumns) != 1 {
				t.Errorf("%s: got columns of %+v", name, f)
			}
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Column names are case-insensitive, on the server and here.
func TestColumnsAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	table := read(t, testkit.Schema(t, "CREATE TABLE t (Id INT PRIMARY KEY, `Größe` INT, twice INT AS (Id * 2) STORED)"), "t")
	for name, want := range map[string]int{"Id": 0, "id": 0, "ID": 0, "GRÖSSE": -1, "GRÖßE": 1, "TWICE": -1, "": -1} {
		c, ok := table.Column(name)
		if got := table.Index(name); got != want || ok != (want >= 0) || ok && c.Name != table.Columns[want].Name {
			t.Errorf("%s: column %d, want %d", name, got, want)
		}
	}
	names := []string{"GRÖßE", "other", "iD"}
	if table.Spell(names); !slices.Equal(names, []string{"Größe", "other", "Id"}) {
		t.Errorf("the names are spelled %q", names)
	}
}
