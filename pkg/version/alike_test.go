package version_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestVersionsThatAreAlikeAreWrittenAsOthers: whatever their keys are, over what is there already, and with one that is not like the rest.
func TestVersionsThatAreAlikeAreWrittenAsOthers(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	var before, entries []version.Entry
	for i := range 100 {
		for _, key := range []string{fmt.Sprint(i), fmt.Sprintf("'%d\\", i), fmt.Sprintf("\xff\x00%d", i), strings.Repeat("ä", 30) + fmt.Sprint(i)} {
			e := version.Entry{Row: change.Row{Table: "tä'ble", Key: key}, State: change.State{Version: change.Version{Time: change.Baseline, Origin: "node-b"}}, From: "node-b"}
			entries = append(entries, e)
			if i%3 == 0 {
				e.Position, e.Fate, e.From = int64(i), version.Deleted, "node-c"
				before = append(before, e)
			}
		}
	}
	other := slices.Clone(entries)
	other[77].Version.Time++
	for name, list := range map[string][]version.Entry{"all": entries, "few": entries[:3], "one is not": other} {
		written := func(write func() error) (rows []string) {
			testkit.Exec(t, db, `DELETE FROM sync_versions`)
			if err := version.Write(t.Context(), db, before); err != nil {
				t.Fatal(err)
			}
			if err := write(); err != nil {
				t.Fatal(err)
			}
			err := db.SelectContext(t.Context(), &rows, `SELECT CONCAT_WS('|', table_name, HEX(row_id), time, origin, deleted, HEX(seen), position, came_from, COALESCE(HEX(row_key), '-'), label, token, made IS NULL, counts IS NULL, touched)
				FROM sync_versions ORDER BY row_id`)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		want := written(func() error { return version.Write(t.Context(), db, list) })
		got := written(func() error { return version.WriteAlike(t.Context(), db, db.RowValue(), list) })
		if len(want) < len(entries)/3 || !slices.Equal(got, want) {
			t.Errorf("%s: written are\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if db.RowValue() == "" {
		return
	}
	var texts texts
	if err := version.WriteAlike(t.Context(), &texts, db.RowValue(), entries); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(texts), "node-b"); n > 5 {
		t.Errorf("what all versions share is said %d times", n)
	}
}

// texts are those of statements.
type texts string

func (t *texts) ExecContext(_ context.Context, query string, _ ...any) (sql.Result, error) {
	*t += texts(query)
	return driver.RowsAffected(1), nil
}
