package schema

import (
	"fmt"
	"strconv"
)

// shortestRun is how many ids in a row are named by the first and the last alone.
const shortestRun = 4

// DeleteChanges returns the statement that deletes the entries of table_changes with given
// ids, which ascend and are at least one. It waits for no entry of a transaction that is
// still open, wherever that lies: the hint and a column outside the key keep the server from
// going through all of the table, and the last id of each run stands alone, since a range is
// read up to the entry behind its end. The ids are mostly without gaps: to walk over them
// takes the server half the time that it takes to look for each.
//
// An id alone names no entry: two servers of a cluster may give the same one, and a server
// whose clock was set back gives it once more. Who has not read all entries of an id adds,
// with AND, of which rows those are that he means.
func DeleteChanges(ids []uint64) string {
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
