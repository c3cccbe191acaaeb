package trigger

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Consume implements capture.Source. It does not delete entries of other rows that have one of the ids.
func (s *Source) Consume(ctx context.Context, tx mysqldb.Tx, _ *version.Writing, entries []capture.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]uint64, len(entries))
	var rows []any // table and key of each
	named := map[change.Row]bool{}
	for i, e := range entries {
		ids[i] = e.ID
		if !named[e.Row] {
			named[e.Row] = true
			rows = append(rows, e.Row.Table, []byte(e.Row.Key))
		}
	}
	slices.Sort(ids)
	_, err := tx.ExecContext(ctx, deleteChanges(ids)+` AND (table_name, primary_key) IN (`+mysqldb.Groups(len(named), 2)+`)`, rows...)
	if err != nil {
		return fmt.Errorf("drop replaced local changes: %w", err)
	}
	return nil
}

// shortestRun is how many consecutive ids are selected as a range.
const shortestRun = 4

// deleteChanges returns the statement that deletes the entries of table_changes with the given ids, of which there must be
// at least one, in ascending order. It never waits for an entry of an open transaction: the hint and a column outside the
// key keep the server from scanning the whole table, and the last id of each run is listed separately, since a range is
// read up to the entry after its end. The ids have few gaps: scanning them takes the server half as long as looking up
// each.
//
// An id alone does not identify an entry: two servers of a cluster may assign the same one, and a server whose clock was
// set back assigns it again. A caller that has not read all entries with an id must add, with AND, which rows it means.
func deleteChanges(ids []uint64) string {
	text := []byte("DELETE table_changes FROM table_changes FORCE INDEX (PRIMARY) WHERE (gone IS NULL OR gone IS NOT NULL) AND (")
	var alone []uint64
	for i, end := 0, 0; i < len(ids); i = end {
		for end = i + 1; end < len(ids) && ids[end] == ids[i]+uint64(end-i); {
			end++
		}
		if end-i < shortestRun {
			alone = append(alone, ids[i:end]...)
			continue
		}
		text = fmt.Appendf(text, "id BETWEEN %d AND %d OR ", ids[i], ids[end-2])
		alone = append(alone, ids[end-1])
	}
	text = append(text, "id IN ("...)
	for _, id := range alone {
		text = append(strconv.AppendUint(text, id, 10), ',')
	}
	text[len(text)-1] = ')'
	return string(append(text, ')'))
}
