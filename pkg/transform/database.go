package transform

import (
	"context"

	"github.com/dop251/goja"
)

// query is context.database.query(sql, ...values). It returns a promise of the rows, as plain objects in an array.
func (m *machine) query(c goja.FunctionCall) goja.Value {
	if !goja.IsString(c.Argument(0)) {
		panic(m.vm.NewTypeError("query: the first argument must be a string"))
	}
	sql := formatSQL(m.vm, c.Argument(0).String(), c.Arguments[1:])
	return m.start(func(ctx context.Context) (func() (goja.Value, error), error) {
		rows, err := m.querier.Query(ctx, m.file, sql)
		return func() (goja.Value, error) {
			objects := make([]any, len(rows))
			for i, row := range rows {
				object, err := m.object(row)
				if err != nil {
					return nil, err
				}
				objects[i] = object
			}
			return m.vm.NewArray(objects...), nil
		}, err
	})
}
