package apply

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Altered counts a column's values that were stored differently from how they arrived, since the start.
type Altered struct {
	Table, Column string
	Trigger       bool // by a user's trigger, otherwise because of the column's type
	Count         uint64
}

// altered is a column of a row that is stored differently from how it arrived.
type altered struct {
	column  string
	trigger bool
	id      string // of the row, if a trigger did it
}

// alterations holds an *atomic.Uint64 per table and column, keyed by an Altered without its count.
type alterations struct{ byColumn sync.Map }

// Altered returns the counts, by table and column.
func (x *alterations) Altered() []Altered {
	var list []Altered
	x.byColumn.Range(func(k, n any) bool {
		one := k.(Altered)
		one.Count = n.(*atomic.Uint64).Load()
		list = append(list, one)
		return true
	})
	slices.SortFunc(list, func(x, y Altered) int {
		return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Column, y.Column))
	})
	return list
}

// note counts the values of a row that are stored differently, and logs the first of each column.
func (x *alterations) note(log *zap.Logger, table string, list []altered) {
	for _, one := range list {
		n, known := x.byColumn.LoadOrStore(Altered{Table: table, Column: one.column, Trigger: one.trigger}, &atomic.Uint64{})
		n.(*atomic.Uint64).Add(1)
		switch {
		case known:
		case one.trigger:
			log.Warn("a trigger changes received rows", zap.String("table", table), zap.String("column", one.column), zap.String("id", change.Shown(one.id)))
		default:
			log.Info("values are altered to fit the column, as allowLossy permits", zap.String("table", table), zap.String("column", one.column))
		}
	}
}
