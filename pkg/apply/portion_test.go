package apply

import (
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// A transaction is bounded in rows and bytes, but no row is too large for one.
func TestLargeBatchesAreWrittenInPortions(t *testing.T) {
	row := func(bytes int) *task {
		return &task{in: &Incoming{Change: change.Change{Values: [][]byte{make([]byte, bytes)}}}}
	}
	for name, c := range map[string]struct {
		tasks []*task
		want  []int
	}{
		"nothing":                 {nil, nil},
		"few rows":                {[]*task{row(1), row(1)}, []int{2}},
		"exactly the limit":       {slices.Repeat([]*task{row(1)}, MostRows), []int{MostRows}},
		"one above the limit":     {slices.Repeat([]*task{row(1)}, MostRows+1), []int{MostRows, 1}},
		"large rows":              {slices.Repeat([]*task{row(MostBytes / 3)}, 7), []int{3, 3, 1}},
		"one row above the limit": {[]*task{row(1), row(2 * MostBytes), row(1)}, []int{1, 1, 1}},
	} {
		var got []int
		for part := range portions(c.tasks) {
			got = append(got, len(part))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: portions of %v, want %v", name, got, c.want)
		}
	}
}
