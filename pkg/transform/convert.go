package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/buffer"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// maxInteger is the greatest integer n for which a JavaScript number can hold
// n and every smaller one.
const maxInteger = 1<<53 - 1

// object returns e as a JavaScript object with its columns in order.
func (m *machine) object(e value.Entity) (*goja.Object, error) {
	o := m.vm.NewObject()
	for _, field := range e {
		v, err := m.toJS(field.Value)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", field.Name, err)
		}
		// Not Set, by which a column named __proto__ would not become a property.
		if err := o.DefineDataProperty(field.Name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE); err != nil {
			return nil, fmt.Errorf("column %s: %w", field.Name, err)
		}
	}
	return o, nil
}

// toJS returns a field's value as JavaScript: an integer beyond a number's range as a string, bytes as a new Buffer, a
// time as a Date.
func (m *machine) toJS(v any) (goja.Value, error) {
	switch v := v.(type) {
	case nil:
		return goja.Null(), nil
	case int64:
		if v > maxInteger || v < -maxInteger {
			return m.vm.ToValue(strconv.FormatInt(v, 10)), nil
		}
		return m.vm.ToValue(v), nil
	case uint64:
		if v > maxInteger {
			return m.vm.ToValue(strconv.FormatUint(v, 10)), nil
		}
		return m.vm.ToValue(int64(v)), nil
	case []byte:
		return buffer.WrapBytes(m.vm, bytes.Clone(v)), nil
	case time.Time:
		return m.vm.New(m.date, m.vm.ToValue(v.UnixMilli()))
	case json.RawMessage:
		return m.parse(goja.Undefined(), m.vm.ToValue(string(v)))
	case bool, float64, string:
		return m.vm.ToValue(v), nil
	default:
		return nil, fmt.Errorf("%T is not a column value", v)
	}
}
