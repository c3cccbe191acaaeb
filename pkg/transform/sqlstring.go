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
	assigning    = regexp.MustCompile(`(?i)(^|[^\w$` + "`" + `])(SET|KEY\s+UPDATE)\s+$`) // what precedes assignments
	stringEscape = strings.NewReplacer("\x00", `\0`, "\b", `\b`, "\t", `\t`, "\n", `\n`, "\r", `\r`,
		"\x1a", `\Z`, `"`, `\"`, `'`, `\'`, `\`, `\\`)
)

// formatSQL replaces the ? and ?? of sql with values as the npm package sqlstring 2.3.3 does with time zone Z: a value
// for ?, an identifier for ??, even within string literals; placeholders without a value stay. Unlike sqlstring, a
// Uint8Array is bytes even if it is not a Buffer, inherited properties of an object do not count, and an object becomes
// assignments only after SET or ON DUPLICATE KEY UPDATE: anywhere else, where a value is expected, it is refused, since
// `name = ?` would become a comparison of columns chosen by whoever made the object. It may panic with a JavaScript
// exception.
func formatSQL(vm *goja.Runtime, sql string, values []goja.Value) string {
	var b strings.Builder
	from, used := 0, 0
	for _, at := range placeholder.FindAllStringIndex(sql, -1) {
		if used == len(values) {
			break
		}
		if at[1]-at[0] > 2 {
			continue
		}
		v := values[used]
		used++
		b.WriteString(sql[from:at[0]])
		from = at[1]
		if at[1]-at[0] == 2 {
			b.WriteString(escapeID(vm, v))
			continue
		}
		e := escaping{vm, used}
		if o, ok := plainObjectOf(v); ok && assigning.MatchString(sql[:at[0]]) {
			b.WriteString(e.assignments(o))
		} else {
			b.WriteString(e.value(v))
		}
	}
	b.WriteString(sql[from:])
	return b.String()
}

// plainObjectOf returns v if it is a script's plain object.
func plainObjectOf(v goja.Value) (*goja.Object, bool) {
	o, ok := v.(*goja.Object)
	return o, ok && o.ClassName() == "Object" && o.ExportType() == plainObject && !isSQL(o)
}

// isSQL reports whether o has a function that returns its SQL.
func isSQL(o *goja.Object) bool {
	_, ok := goja.AssertFunction(o.Get("toSqlString"))
	return ok
}

// escaping turns a statement's value into text.
type escaping struct {
	vm *goja.Runtime
	at int // the value's position in query's arguments, from 1
}

// value returns v as a literal, an array as a list.
func (e escaping) value(v goja.Value) string {
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
		return e.list(o)
	}
	if toSQL, ok := goja.AssertFunction(o.Get("toSqlString")); ok {
		text, err := toSQL(o)
		if err != nil {
			panic(err)
		}
		return text.String()
	}
	panic(e.vm.NewTypeError("query: value %d is %s, which is not a column value; pass one of its properties, or its JSON", e.at, kindOf(o)))
}

// kindOf names an object for an error.
func kindOf(o *goja.Object) string {
	if class := o.ClassName(); class != "Object" {
		return "an object of class " + class
	}
	return "an object"
}

// list returns the elements of an array; an array among them is a list in
// parentheses.
func (e escaping) list(array *goja.Object) string {
	var parts []string
	e.vm.ForOf(array, func(v goja.Value) bool {
		if o, ok := v.(*goja.Object); ok && isArray(o) {
			parts = append(parts, "("+e.list(o)+")")
		} else {
			parts = append(parts, e.value(v))
		}
		return true
	})
	return strings.Join(parts, ", ")
}

// assignments returns the properties of o, functions excepted, as `name` = value.
func (e escaping) assignments(o *goja.Object) string {
	var parts []string
	for _, name := range o.Keys() {
		v := o.Get(name)
		if _, ok := goja.AssertFunction(v); !ok {
			parts = append(parts, escapeID(e.vm, e.vm.ToValue(name))+" = "+e.value(v))
		}
	}
	return strings.Join(parts, ", ")
}

// escapeID returns v as an identifier, qualified if it has dots, or an array as a list of identifiers.
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

// isArray reports whether o was made by [] or Array.
func isArray(o *goja.Object) bool { return o.ClassName() == "Array" }
