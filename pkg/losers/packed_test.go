package losers_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Rows of 5.5 MiB, which a node accepts unless told otherwise, are kept whatever is in them, and put back as they were: as JSON they
// would be longer than 16 MiB, which is all that MariaDB takes at once.
func TestLargeRowsAreKeptWhateverIsInThem(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE orders (id INT PRIMARY KEY, name LONGTEXT, photo LONGBLOB)`)
	ts := schema.NewTables(db)
	const half = 11 << 18
	for column, large := range map[string]string{
		"name, controls": strings.Repeat("a\x01", half), "name, HTML": strings.Repeat(`<"`, half), "photo, a picture": strings.Repeat("\xff\xfe", half), "photo, text": strings.Repeat("\x02<", half),
	} {
		of := func(time int64, origin string) losers.Side {
			if strings.HasPrefix(column, "name") {
				return side(time, origin, large, "")
			}
			return side(time, origin, "x", large)
		}
		record(t, db, ts, [2]losers.Side{of(2, "boston"), of(1, "berlin")})
		id := latest(t, db).ID
		if err := losers.PutBack(t.Context(), db, triggers, ts, id, losers.Request{Over: true, Origin: "here"}); err != nil {
			t.Errorf("%s: %v", column, err)
		}
		var there []byte
		if err := db.GetContext(t.Context(), &there, "SELECT "+strings.Split(column, ",")[0]+" FROM orders"); err != nil || !bytes.Equal(there, []byte(large)) {
			t.Errorf("%s: %d bytes are back, %v", column, len(there), err)
		}
		testkit.Exec(t, db, `DELETE FROM sync_conflicts`, `DELETE FROM orders`)
	}
}
