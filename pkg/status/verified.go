package status

import (
	"cmp"
	"slices"
	"sync"
)

// differMost is how many differing rows of a comparison are remembered. Promise 10.
const differMost = 20

// Verified remembers the last comparison of each table with each remote. It is safe
// for concurrent use.
type Verified struct {
	mu   sync.Mutex
	last map[pair]Comparison
}

// note records a comparison.
func (v *Verified) note(c Comparison) {
	if len(c.Differ) > differMost {
		c.Differ = slices.Clone(c.Differ[:differMost])
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.last = map[pair]Comparison{}
	}
	v.last[pair{c.Remote, c.Table}] = c
}

// Of returns the last comparison of a table with a remote; false if there was none.
func (v *Verified) Of(remote, table string) (Comparison, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.last[pair{remote, table}]
	return c, ok
}

// all returns them, sorted by table.
func (v *Verified) all() []Comparison {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := []Comparison{}
	for _, c := range v.last {
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y Comparison) int {
		return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Remote, y.Remote))
	})
	return list
}
