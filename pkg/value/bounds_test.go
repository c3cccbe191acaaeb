package value_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// TestEntityMemoryIsBounded: a column of a few bytes takes a hundred in memory, and each byte of a
// Buffer took eight.
func TestEntityMemoryIsBounded(t *testing.T) {
	var columns strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&columns, `,"%x":1`, i)
	}
	for name, raw := range map[string]string{
		"columns": `{"id":1` + columns.String() + `}`,
		"buffer":  `{"id":{"type":"Buffer","data":[` + strings.Repeat("1,", 500_000) + `1]}}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, err := value.DecodeEntity([]byte(raw))
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(2*len(raw)) {
			t.Errorf("%s: %d bytes took %d bytes", name, len(raw), took)
		}
		if (err == nil) != (name == "buffer") {
			t.Errorf("%s: %d columns, %v", name, len(e), err)
		}
	}
}
