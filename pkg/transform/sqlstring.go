package transform

import (
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/dop251/goja"
)

var (
	placeholder  = regexp.MustCompile(`\?+`)
	stringEscape = strings.NewReplacer("\x00", `\0`, "\b", `\b`, "\t", `\t`, "\n", `\n`, "\r", `\r`,
		"\x1a", `\Z`, `"`, `\"`, `'`, `\'`, `\`, `\\`)
)

// formatSQL puts values in the place of the ? and ?? of sql as the npm package
// sqlstring 2.3.3 does with time zone Z: a value for ?, an identifier for ??, in
// string literals too, and placeholders without a value stay. Unlike there, a
// Uint8Array is bytes even if it is no Buffer, and inherited properties of an
// object do not count. It may panic with a JavaScript
// exception.
func formatSQL(vm *goja.Runtime, sql string, values []goja.Value) string {
	return placeholder.ReplaceAllStringFunc(sql, func(mark string) string {
		if len(values) == 0 || len(mark) > 2 {
			return mark
		}
		v := values[0]
		values = values[1:]
		if len(mark) == 2 {
			return escapeID(vm, v)
		}
		return escape(vm, v, false)
	})
}

// escape returns v as a literal, an array as a list and, unless asString, any
// other object as assignments.
func escape(vm *goja.Runtime, v goja.Value, asString bool) string {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return "NULL"
	}
	o, ok := v.(*goja.Object)
	if !ok {
		switch v.Export().(type) {
		case bool:
			return v.String()
		case int64, float64:
			return v.String()
		}
		return quoted(v.String())
	}
	if date, ok := exported[time.Time](o); ok {
		return quoted(date.UTC().Format("2006-01-02 15:04:05.000"))
	}
	if b, ok := exported[[]byte](o); ok {
		return "X'" + hex.EncodeToString(b) + "'"
	}
	if o.ClassName() == "Date" {
		return "NULL"
	}
	if isArray(o) {
		return escapeList(vm, o)
	}
	if toSQL, ok := goja.AssertFunction(o.Get("toSqlString")); ok {
		text, err := toSQL(o)
		if err != nil {
			panic(err)
		}
		return text.String()
	}
	if _, function := goja.AssertFunction(o); function || asString {
		return quoted(o.String())
	}
	return assignments(vm, o)
}

// escapeList returns the elements of an array; an array among them is a list
// in parentheses.
func escapeList(vm *goja.Runtime, array *goja.Object) string {
	var parts []string
	vm.ForOf(array, func(v goja.Value) bool {
		if o, ok := v.(*goja.Object); ok && isArray(o) {
			parts = append(parts, "("+escapeList(vm, o)+")")
		} else {
			parts = append(parts, escape(vm, v, true))
		}
		return true
	})
	return strings.Join(parts, ", ")
}

// assignments returns the properties of o, functions excepted, as `name` = value.
func assignments(vm *goja.Runtime, o *goja.Object) string {
	var parts []string
	for _, name := range o.Keys() {
		v := o.Get(name)
		if _, ok := goja.AssertFunction(v); !ok {
			parts = append(parts, escapeID(vm, vm.ToValue(name))+" = "+escape(vm, v, true))
		}
	}
	return strings.Join(parts, ", ")
}

// escapeID returns v as an identifier, qualified where it has dots, an array as
// a list of them.
func escapeID(vm *goja.Runtime, v goja.Value) string {
	if o, ok := v.(*goja.Object); ok && isArray(o) {
		var parts []string
		vm.ForOf(o, func(v goja.Value) bool {
			parts = append(parts, escapeID(vm, v))
			return true
		})
		return strings.Join(parts, ", ")
	}
	return "`" + strings.ReplaceAll(strings.ReplaceAll(v.String(), "`", "``"), ".", "`.`") + "`"
}

// quoted returns s as a string literal.
func quoted(s string) string { return "'" + stringEscape.Replace(s) + "'" }

// isArray tells whether o was made by [] or Array.
func isArray(o *goja.Object) bool { return o.ClassName() == "Array" }
