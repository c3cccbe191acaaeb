package trigger

import (
	"maps"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// plan is derived from the tables and foreign keys of a check. It is made anew only if these have changed, since that takes
// long with many tables.
type plan struct {
	tables   []*schema.Table
	keys     []schema.ForeignKey // all
	usable   []schema.ForeignKey // those that the triggers follow
	lacking  []capture.Denied
	wanted   []trigger
	standing map[string]standing // for the memories
	memories map[string]*memory  // of each table, without samples
}

// memory is remember, with the results cached.
func (p *plan) memory(t *schema.Table, own string, list []trigger, standing map[string]standing) *memory {
	if p.memories == nil || !maps.Equal(standing, p.standing) {
		p.standing, p.memories = standing, map[string]*memory{}
	}
	m := p.memories[t.Name]
	if m == nil {
		m = remember(t, own, list, standing, p.usable)
		p.memories[t.Name] = m
	}
	clone := *m
	return &clone
}
