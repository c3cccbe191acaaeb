package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// blamed has the errors about a value for which servers do not name the column, with the kinds of columns that cause
// them: geometries, JSON texts, numbers.
var blamed = map[int][]value.Kind{
	1416: {value.Geometry}, 3037: {value.Geometry}, 3055: {value.Geometry}, 3548: {value.Geometry}, 3617: {value.Geometry},
	3140: {value.JSON}, 3141: {value.JSON}, 3143: {value.JSON}, 4038: {value.JSON},
	1264: {value.Double, value.Decimal, value.Integer}, 1367: {value.Double, value.Decimal}, 1690: {value.Double, value.Decimal, value.Integer},
}

// blame calls the function blame with the columns of the row's table.
func (a *Applier) blame(ctx context.Context, in *Incoming, err error) error {
	if t, unknown := a.db.Table(ctx, in.Table); unknown == nil {
		return blame(t.Columns, in, err)
	}
	return err
}

// blame adds the columns that may be at fault to a server's error about one row, if the server names none: those of the
// error's kinds that have a value. It is only a hint for people.
func blame(columns []value.Column, in *Incoming, err error) error {
	kinds := blamed[mysqldb.Number(err)]
	if kinds == nil || in.Deleted() {
		return err
	}
	text := err.Error()
	var names []string
	for i, name := range in.Columns {
		at := slices.IndexFunc(columns, func(c value.Column) bool { return c.Name == name })
		if at < 0 || in.Values[i] == nil {
			continue
		}
		if strings.Contains(text, "'"+name+"'") || strings.Contains(text, "`"+name+"`") || strings.Contains(text, "."+name+"'") || strings.Contains(text, "."+name+"`") {
			return err
		}
		if slices.Contains(kinds, columns[at].Kind) {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return err
	case 1:
		return fmt.Errorf("column %s: %w", names[0], err)
	}
	return fmt.Errorf("one of the columns %s: %w", strings.Join(names, ", "), err)
}
