package transform

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// productItems is the documentation's example, verbatim.
const productItems = `async function transformer(context) {
// language=SQL
let databaseResult = await context.mysql.query('SELECT id FROM id_mapping WHERE id = ?',
context.entity.id);
if (databaseResult.length > 0) {
context.entity.id = databaseResult[0].id;
}
return context.entity;
}
module.exports = transformer;
`

func TestDocumentedExampleWorksForAllNamesOfItsTable(t *testing.T) {
	tables := []string{"product_items", "product-items", "product items", "PRODUCT_ITEMS", "ProductItems"}
	querier := queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
		if sql == `SELECT id FROM id_mapping WHERE id = 'it\'s'` {
			return []value.Entity{{{Name: "id", Value: "mapped"}}}, nil
		}
		return nil, nil
	})
	tr := New(zap.NewNop(), querier, nil, Config{Directory: directory(t, map[string]string{"productItems.js": productItems})})
	if err := tr.Load(tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		t.Run(table, func(t *testing.T) {
			if !tr.Has(table) {
				t.Fatal("has no transformer")
			}
			name := value.Field{Name: "name", Value: "n"}
			got, err := tr.Apply(t.Context(), Call{Table: table, Entity: value.Entity{{Name: "id", Value: "it's"}, name}})
			wantEntity(t, got, err, value.Field{Name: "id", Value: "mapped"}, name)
			got, err = tr.Apply(t.Context(), Call{Table: table, Entity: value.Entity{{Name: "id", Value: "other"}, name}})
			wantEntity(t, got, err, value.Field{Name: "id", Value: "other"}, name)
		})
	}
}

func TestTableWithoutFileKeepsItsRows(t *testing.T) {
	tr := world{}.orders(t, body("return null;"))
	c := Call{Table: "items", ID: "1", Entity: value.Entity{{Name: "id", Value: int64(1)}}}
	got, err := tr.Apply(t.Context(), c)
	wantEntity(t, got, err, c.Entity...)
	if id, drop, err := tr.ApplyDelete(t.Context(), c); id != "1" || drop || err != nil {
		t.Fatal(id, drop, err)
	}
	if tr.Has("items") {
		t.Fatal("has a transformer")
	}
}

func TestContextHasTheDocumentedKeys(t *testing.T) {
	got, err := apply(t, body(`
		return {
			keys: Object.keys(context).join(),
			row: [context.source, context.target, context.table, context.id, context.operation].join(),
			same: context.mysql === context.database,
			kinds: typeof context.mysql.query + typeof context.mqtt.publish,
		};`))
	wantEntity(t, got, err,
		value.Field{Name: "keys", Value: "entity,source,target,database,mysql,mqtt,table,id,operation"},
		value.Field{Name: "row", Value: "here,there,orders,7,upsert"},
		value.Field{Name: "same", Value: true},
		value.Field{Name: "kinds", Value: "functionfunction"})
}

func TestValuesRoundTrip(t *testing.T) {
	at := time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)
	fields := []value.Field{
		{Name: "z", Value: nil},
		{Name: "a", Value: true},
		{Name: "int", Value: int64(-5)},
		{Name: "safe", Value: int64(1<<53 - 1)},
		{Name: "float", Value: 1.5},
		{Name: "text", Value: "größe 😀 \x00"},
		{Name: "decimal", Value: "12345678901234567890.123"},
		{Name: "bytes", Value: []byte{0, 1, 254, 255}},
		{Name: "empty", Value: []byte{}},
		{Name: "time", Value: at},
		{Name: "nested", Value: json.RawMessage(`{"b":[1,"x",null],"a":{}}`)},
		{Name: "list", Value: json.RawMessage(`[1,2]`)},
		{Name: "__proto__", Value: "p"},
		{Name: "constructor", Value: "c"},
		{Name: "with space`", Value: "s"},
	}
	for name, text := range map[string]string{
		"same object": "return context.entity;",
		"new object":  "const e = Object.create(null); for (const k of Object.keys(context.entity)) Object.defineProperty(e, k, {value: context.entity[k], enumerable: true}); return {...e};",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := apply(t, body(text), fields...)
			wantEntity(t, got, err, fields...)
		})
	}
}

func TestIntegerThatNoNumberHoldsIsAString(t *testing.T) {
	got, err := apply(t, body("return context.entity;"),
		value.Field{Name: "a", Value: int64(1 << 53)},
		value.Field{Name: "b", Value: int64(math.MinInt64)},
		value.Field{Name: "c", Value: uint64(math.MaxUint64)},
		value.Field{Name: "d", Value: uint64(7)})
	wantEntity(t, got, err,
		value.Field{Name: "a", Value: "9007199254740992"},
		value.Field{Name: "b", Value: "-9223372036854775808"},
		value.Field{Name: "c", Value: "18446744073709551615"},
		value.Field{Name: "d", Value: int64(7)})
}

func TestReturnedValuesBecomeFields(t *testing.T) {
	for expression, want := range map[string]any{
		"null":                          nil,
		"6 / 2":                         int64(3),
		"0.1":                           0.1,
		"1e300":                         1e300,
		"10n":                           int64(10),
		"2n ** 64n":                     "18446744073709551616",
		"new Date(1500)":                time.Unix(1, 500e6).UTC(),
		"new Uint8Array([1, 2])":        []byte{1, 2},
		"new Uint8Array([1, 2]).buffer": []byte{1, 2},
		"Buffer.from('6869', 'hex')":    []byte("hi"),
		"new String('s')":               "s",
		"new Number(2)":                 int64(2),
		"({toJSON: () => 'text'})":      "text",
		"[1, [2]]":                      json.RawMessage("[1,[2]]"),
		"({b: 1, a: undefined})":        json.RawMessage(`{"b":1}`),
		"context.entity.b.subarray(1)":  []byte{2},
		"Buffer.concat([Buffer.from('a'), context.entity.b])": []byte{'a', 1, 2},
	} {
		t.Run(expression, func(t *testing.T) {
			got, err := apply(t, body("return {v: "+expression+", left: undefined};"), value.Field{Name: "b", Value: []byte{1, 2}})
			wantEntity(t, got, err, value.Field{Name: "v", Value: want})
		})
	}
}

// eachFails runs a script with each expression in place of %s. Each error must contain
// the texts of each, and its text in the table.
func eachFails(t *testing.T, script string, table map[string]string, each ...string) {
	t.Helper()
	for expression, want := range table {
		t.Run(expression, func(t *testing.T) {
			_, err := apply(t, body(strings.Replace(script, "%s", expression, 1)))
			wantError(t, err, append(slices.Clone(each), want)...)
		})
	}
}

func TestAnInvalidValueNamesItsColumn(t *testing.T) {
	eachFails(t, "return {ok: 1, price: %s};", map[string]string{
		"0 / 0":              "NaN is not a value",
		"-1 / 0":             "-Infinity is not a value",
		"() => 1":            "a function is not a value",
		"class {}":           "a function is not a value",
		"Symbol('s')":        "a symbol is not a value",
		"new Date(NaN)":      "an invalid Date is not a value",
		"Promise.resolve(1)": "is an await missing?",
		"(() => {let o = {}; o.o = o; return o})()": "TypeError",
		"({toJSON() { return undefined }})":         "its toJSON returns nothing",
		"({toJSON() { throw new Error('x') }})":     "Error: x",
	}, "transform orders: orders.js", ": column price: ")
	_, err := apply(t, body("return {get price() { throw new Error('getter') }};"))
	wantError(t, err, "orders.js:2: Error: getter")
}

func TestOnlyAnObjectIsAnEntity(t *testing.T) {
	eachFails(t, "return %s;", map[string]string{
		"":                 "returned nothing",
		"undefined":        "returned nothing",
		"5":                "returned a number",
		"'text'":           "returned a string",
		"true":             "returned a boolean",
		"[context.entity]": "class Array",
		"new Date()":       "class Date",
		"() => 1":          "class Function",
		"new Map()":        "an object that is not plain",
		"Buffer.from('x')": "an object that is not plain",
		"new Error('x')":   "class Error",
		"Symbol('x')":      "returned a BigInt or a symbol",
	}, "transform orders: orders.js: ")
}

func TestNullDropsTheRow(t *testing.T) {
	for _, script := range []string{body("return null;"), "module.exports = () => null"} {
		if _, err := apply(t, script); !errors.Is(err, ErrDropped) {
			t.Fatal(err)
		}
	}
}

func TestScriptCannotReachTheCallersRow(t *testing.T) {
	b := []byte{1}
	fields := []value.Field{{Name: "id", Value: "1"}, {Name: "b", Value: b}}
	got, err := apply(t, body("context.entity.id = '2'; context.entity.b[0] = 9; return context.entity;"), fields...)
	wantEntity(t, got, err, value.Field{Name: "id", Value: "2"}, value.Field{Name: "b", Value: []byte{9}})
	if fields[0].Value != "1" || b[0] != 1 {
		t.Fatal("the row was changed")
	}
}

func TestDeleteGoesThroughOnDelete(t *testing.T) {
	for text, want := range map[string]struct {
		id   string
		drop bool
		err  string
	}{
		"": {id: "7"},
		"module.exports.onDelete = c => 'x' + c.id":                        {id: "x7"},
		"module.exports.onDelete = async c => 12":                          {id: "12"},
		"module.exports.onDelete = () => null":                             {drop: true},
		"module.exports.onDelete = () => {}":                               {err: "onDelete returned nothing"},
		"module.exports.onDelete = () => ''":                               {err: "must be an id"},
		"module.exports.onDelete = () => ({})":                             {err: "must be an id"},
		"module.exports.onDelete = c => c.operation + c.entity + c.target": {id: "deletenullthere"},
	} {
		t.Run(text, func(t *testing.T) {
			tr := world{}.orders(t, "module.exports = c => { throw new Error('main') };\n"+text)
			c := call()
			c.Entity = nil
			id, drop, err := tr.ApplyDelete(t.Context(), c)
			if want.err != "" {
				wantError(t, err, "transform delete in orders: orders.js: ", want.err)
				return
			}
			if id != want.id || drop != want.drop || err != nil {
				t.Fatal(id, drop, err)
			}
		})
	}
}
