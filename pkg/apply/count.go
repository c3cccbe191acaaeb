package apply

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Conflicts counts a table's conflicts that a policy has resolved, with losers kept, since the start.
type Conflicts struct {
	Table, Policy string
	Count         uint64
}

// Conflicts returns the counts of all tables that had conflicts, ordered by table and policy.
func (a *Applier) Conflicts() []Conflicts {
	var list []Conflicts
	a.counts.Range(func(k, n any) bool {
		c := k.(Conflicts)
		c.Count = n.(*atomic.Uint64).Load()
		list = append(list, c)
		return true
	})
	slices.SortFunc(list, func(x, y Conflicts) int {
		return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Policy, y.Policy))
	})
	return list
}

// counts holds an *atomic.Uint64 per table and policy, keyed by a Conflicts without its count.
type counts struct{ sync.Map }

func (c *counts) add(table, policy string) {
	n, _ := c.LoadOrStore(Conflicts{Table: table, Policy: policy}, &atomic.Uint64{})
	n.(*atomic.Uint64).Add(1)
}
