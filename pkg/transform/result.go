package transform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/dop251/goja"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// plainObject is the type as which goja exports an object that is not an array, a Map, bytes and so on.
var plainObject = reflect.TypeFor[map[string]any]()

// entity returns the entity that a script returned. original is what the script was given.
func (m *machine) entity(result goja.Value, original value.Entity) (value.Entity, error) {
	switch {
	case goja.IsUndefined(result):
		return nil, errors.New("returned nothing; return context.entity, or null to drop the row")
	case goja.IsNull(result):
		return nil, ErrDropped
	}
	object, ok := result.(*goja.Object)
	if !ok || object.ClassName() != "Object" || object.ExportType() != plainObject {
		return nil, fmt.Errorf("returned %s; it must be an object with the columns", describe(result))
	}
	var entity value.Entity
	var mistake error
	if thrown := m.vm.Try(func() { entity, mistake = m.fields(object, original) }); thrown != nil {
		return nil, m.explain(thrown)
	}
	return entity, mistake
}

// fields returns the own enumerable properties of object that are not
// undefined. It may panic with a JavaScript exception.
func (m *machine) fields(object *goja.Object, original value.Entity) (value.Entity, error) {
	names := object.Keys()
	entity := make(value.Entity, 0, len(names))
	for _, name := range names {
		v := object.Get(name)
		if v == nil || goja.IsUndefined(v) {
			continue
		}
		field, err := m.fromJS(v)
		if err != nil {
			return nil, columnError(name, err)
		}
		if date, ok := field.(time.Time); ok {
			field = undated(date, original, name)
		}
		entity = append(entity, value.Field{Name: name, Value: field})
	}
	return entity, nil
}

// same reports whether a script returned the row that it was given. Whether a number is an integer or not makes no
// difference in JavaScript.
func same(returned, given value.Entity) bool {
	return slices.EqualFunc(returned, given, func(a, b value.Field) bool { return a.Name == b.Name && sameValue(a.Value, b.Value) })
}

func sameValue(returned, given any) bool {
	switch g := given.(type) {
	case nil:
		return returned == nil
	case []byte:
		r, ok := returned.([]byte)
		return ok && bytes.Equal(r, g)
	case json.RawMessage:
		r, ok := returned.(json.RawMessage)
		return ok && bytes.Equal(r, g)
	case uint64:
		r, ok := returned.(int64)
		return ok && r >= 0 && uint64(r) == g
	case float64:
		if r, ok := returned.(int64); ok {
			return r != 0 && float64(r) == g // not for 0, which may be -0
		}
		r, ok := returned.(float64)
		return ok && math.Float64bits(r) == math.Float64bits(g)
	case time.Time:
		r, ok := returned.(time.Time)
		return ok && r == g
	}
	return returned == given // a bool, int64 or string
}

// undated returns the original time of a column if date is the unchanged Date made from it, which has no microseconds.
func undated(date time.Time, original value.Entity, name string) time.Time {
	before, _ := original.Value(name)
	if t, ok := before.(time.Time); ok && t.UnixMilli() == date.UnixMilli() {
		return t
	}
	return date
}

// fromJS returns v as a field's value. It may panic with a JavaScript exception.
func (m *machine) fromJS(v goja.Value) (any, error) {
	switch v := v.(type) {
	case *goja.Object:
		return m.fromObject(v)
	case *goja.Symbol:
		return nil, errors.New("a symbol is not a value")
	}
	switch x := v.Export().(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%s is not a value", v)
		}
		return x, nil
	case *big.Int:
		if x.IsInt64() && x.Int64() <= maxInteger && x.Int64() >= -maxInteger {
			return x.Int64(), nil
		}
		return x.String(), nil
	default: // nil, bool, int64, string
		return x, nil
	}
}

// fromObject returns bytes and dates as such, and any other object as JSON.
func (m *machine) fromObject(o *goja.Object) (any, error) {
	if _, ok := goja.AssertFunction(o); ok {
		return nil, errors.New("a function is not a value")
	}
	if b, ok := bytesOf(o); ok {
		return bytes.Clone(b), nil
	}
	if _, ok := exported[*goja.Promise](o); ok {
		return nil, errors.New("a promise is not a value; is an await missing?")
	}
	if date, ok := exported[time.Time](o); ok {
		return date.UTC(), nil
	}
	if o.ClassName() == "Date" {
		return nil, errors.New("an invalid Date is not a value")
	}
	text, err := m.stringify(goja.Undefined(), o)
	if err != nil {
		return nil, m.explain(err)
	}
	if goja.IsUndefined(text) {
		return nil, errors.New("its toJSON returns nothing")
	}
	if s := text.String(); s[0] == '{' || s[0] == '[' {
		return json.RawMessage(s), nil
	}
	// A boxed primitive, or the result of an object's toJSON.
	plain, err := m.parse(goja.Undefined(), text)
	if err != nil {
		return nil, m.explain(err)
	}
	return m.fromJS(plain)
}

// bytesOf returns the content of a Buffer, Uint8Array or ArrayBuffer, not copied.
func bytesOf(o *goja.Object) ([]byte, bool) {
	if buffer, ok := exported[goja.ArrayBuffer](o); ok {
		return buffer.Bytes(), true
	}
	return exported[[]byte](o)
}

// exported returns v as T if goja exports it as that. Checking the type first avoids exporting a whole object.
func exported[T any](v goja.Value) (T, bool) {
	if v.ExportType() != reflect.TypeFor[T]() {
		var zero T
		return zero, false
	}
	x, ok := v.Export().(T)
	return x, ok
}

// id returns the row that an onDelete function named.
func (m *machine) id(result goja.Value) (string, error) {
	switch {
	case goja.IsUndefined(result):
		return "", errors.New("onDelete returned nothing; return context.id, or null to drop the delete")
	case goja.IsNull(result):
		return "", ErrDropped
	case goja.IsString(result), goja.IsNumber(result):
		if id := result.String(); id != "" {
			return id, nil
		}
	}
	return "", fmt.Errorf("onDelete returned %s; it must be an id", describe(result))
}

// describe names the kind of v for an error, without running JavaScript.
func describe(v goja.Value) string {
	if o, ok := v.(*goja.Object); ok {
		if class := o.ClassName(); class != "Object" {
			return "an object of class " + class
		}
		return "an object that is not plain"
	}
	switch {
	case goja.IsString(v):
		return "a string"
	case goja.IsNumber(v):
		return "a number"
	case v.ExportType() == reflect.TypeFor[bool]():
		return "a boolean"
	default:
		return "a BigInt or a symbol"
	}
}
