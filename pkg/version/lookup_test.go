package version_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// numbered returns the rows of a table with these numbers as keys.
func numbered(table string, from, n int) (rows []change.Row) {
	for i := range n {
		rows = append(rows, change.Row{Table: table, Key: fmt.Sprint(from + i)})
	}
	return rows
}

// TestNewRowsAreNotLookedUpOneByOne: an insert usually has keys above all others, and between those is none that is known, or few.
func TestNewRowsAreNotLookedUpOneByOne(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	db.SetMaxOpenConns(1) // its counters show what the server read
	known := numbered("t", 1, 2000)
	know(t, db, known)
	read := func(rows []change.Row, want int) (cost int64) {
		t.Helper()
		before := handled(t, db)
		got, err := version.Read(t.Context(), db, rows)
		if err != nil || len(got) != want {
			t.Errorf("%d of %d rows are known, %v, want %d", len(got), len(rows), err, want)
		}
		return handled(t, db) - before
	}
	one := read(known[:1], 1)
	if n := read(numbered("t", 2001, 1000), 0); n > 200+2*one { // 201 to 299 and 21 to 29 lie between them
		t.Errorf("for 1000 new rows the server read %d rows, %d for one", n, one)
	}
	if n := read(append(numbered("t", 2001, 1000), known[1990:]...), 10); n > 250+12*one {
		t.Errorf("for 1000 new rows and 10 known ones the server read %d rows, %d for one", n, one)
	}
	if n := read(known[1000:], 1000); n > 3000 { // a key and, at some servers, the one after it
		t.Errorf("for 1000 known rows the server read %d rows", n)
	}
}

// TestStatesOfAnyRowsAreFound wherever they lie among those that are known, in one table or several.
func TestStatesOfAnyRowsAreFound(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	key := func() string {
		switch r.IntN(4) {
		case 0:
			return fmt.Sprint(r.IntN(3000))
		case 1:
			return strings.Repeat("k", r.IntN(70)) + fmt.Sprint(r.IntN(10))
		case 2:
			return string([]byte{byte(r.IntN(256)), byte(r.IntN(256))})
		}
		return fmt.Sprintf("%c%d ", 'a'+r.IntN(26), r.IntN(50))
	}
	all := map[change.Row]change.State{}
	for len(all) < 2000 {
		row := change.Row{Table: []string{"a", "b"}[r.IntN(2)], Key: key()}
		all[row] = state(int64(len(all)+1), "node-a")
	}
	var entries []version.Entry
	for row, s := range all {
		entries = append(entries, version.Entry{Row: row, State: s})
	}
	if err := version.Write(t.Context(), db, entries); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		var rows []change.Row
		want := map[change.Row]change.State{}
		ask := func(row change.Row) {
			rows = append(rows, row)
			if s, ok := all[row]; ok {
				want[row] = s
			}
		}
		tables, narrow := 1+r.IntN(3), r.IntN(2) == 0
		for range r.IntN(600) {
			k := key()
			if narrow {
				k = fmt.Sprintf("2%03d", r.IntN(400))
			}
			ask(change.Row{Table: string(rune('a' + r.IntN(tables))), Key: k})
		}
		for row := range all {
			if !narrow && r.IntN(100) == 0 {
				ask(row)
			}
		}
		if got, err := version.Read(t.Context(), db, rows); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: of %d rows %d are known, %v, want %d", seed, len(rows), len(got), err, len(want))
		}
	}
}

func know(t *testing.T, db *mysqldb.DB, rows []change.Row) {
	t.Helper()
	var entries []version.Entry
	for i, r := range rows {
		entries = append(entries, version.Entry{Row: r, State: state(int64(i+1), "node-a"), Fate: version.There})
	}
	if err := version.Write(t.Context(), db, entries); err != nil {
		t.Fatal(err)
	}
}

// handled returns how many rows the session has read.
func handled(t *testing.T, db *mysqldb.DB) (n int64) {
	t.Helper()
	err := mysqldb.Each(t.Context(), db, `SHOW SESSION STATUS LIKE 'Handler_read%'`, nil, func(r *sql.Rows) error {
		var name string
		var value int64
		err := r.Scan(&name, &value)
		n += value
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
