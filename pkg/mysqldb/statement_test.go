package mysqldb_test

import (
	"bytes"
	"database/sql"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestTheServerGetsTheValuesUnchanged sends values that would break a statement as plain text, also
// in a statement so long that they are bound, and in one whose last value the driver binds.
func TestTheServerGetsTheValuesUnchanged(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	values := [][]byte{
		nil, {}, []byte(`'`), []byte(`\`), []byte(`\'`), []byte(`'\`), []byte(`''`), []byte("\x00"), []byte("a\x00b\\0"), []byte("?"), []byte("'?"), []byte(`"?`), []byte("`"),
		[]byte("-- "), []byte("/*"), []byte("\n\r\x1a%_"), []byte("é 漢 🙂"), []byte("; DROP TABLE x"), bytes.Repeat([]byte(`'\`), 1000),
	}
	for _, before := range []int{0, 600 << 10} {
		var q mysqldb.Statement
		q.SQL("SELECT ")
		q.Bytes(bytes.Repeat([]byte("x"), before))
		for _, v := range append(values, all, bytes.Repeat([]byte("\\"), 300<<10)) {
			q.SQL(",")
			q.Bytes(v)
		}
		for _, v := range values {
			q.SQL(",")
			q.Text(v)
		}
		q.SQL(",")
		q.Null()
		q.SQL(",")
		q.Bind(uint64(1<<64 - 1))
		var got []sql.RawBytes
		err := q.Query(t.Context(), db, func(r *sql.Rows) error {
			columns, err := r.Columns()
			if err != nil {
				return err
			}
			got = make([]sql.RawBytes, len(columns))
			into := make([]any, len(columns))
			for i := range into {
				into[i] = &got[i]
			}
			if err := r.Scan(into...); err != nil {
				return err
			}
			for i := range got {
				got[i] = slices.Clone(got[i])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Concat([][]byte{bytes.Repeat([]byte("x"), before)}, values, [][]byte{all, bytes.Repeat([]byte("\\"), 300<<10)}, values,
			[][]byte{nil, []byte("18446744073709551615")})
		if len(got) != len(want) {
			t.Fatalf("got %d values of %d", len(got), len(want))
		}
		for i := range want {
			if null := i == len(want)-2; !bytes.Equal(got[i], want[i]) || (got[i] == nil) != null {
				t.Errorf("after %d bytes the value %.40q arrived as %.40q", before, want[i], []byte(got[i]))
			}
		}
	}
}

// TestAStatementMayExceedThePacketSize writes a row whose values together exceed
// max_allowed_packet.
func TestAStatementMayExceedThePacketSize(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	var most int
	if err := db.GetContext(t.Context(), &most, "SELECT @@max_allowed_packet"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (a LONGBLOB, b LONGTEXT)"); err != nil {
		t.Fatal(err)
	}
	part := most*3/4 - 1000
	var q mysqldb.Statement
	q.SQL("INSERT INTO t VALUES (")
	q.Bytes(bytes.Repeat([]byte("'"), part))
	q.SQL(",")
	q.Text([]byte(strings.Repeat("é", part/2)))
	q.SQL(")")
	if err := q.Exec(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var found int
	if err := db.GetContext(t.Context(), &found, "SELECT COUNT(*) FROM t WHERE a = REPEAT('''', ?) AND b = REPEAT('é', ?)", part, part/2); err != nil || found != 1 {
		t.Errorf("got %d rows, %v", found, err)
	}
}
