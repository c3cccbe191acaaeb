package simulation

import (
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// The tables of all nodes: t, and u, whose rows may refer to one in t. The code in t is unique.
var (
	parents  = schema.Define("t", own...)
	children = schema.Define("u", own...)
	own      = []value.Column{{Name: "id", DataType: "varbinary", Kind: value.Binary, Length: 20}, {Name: "written", DataType: "int", Kind: value.Integer},
		{Name: "parent", DataType: "varbinary", Kind: value.Binary, Length: 20, Nullable: true}, {Name: "code", DataType: "varbinary", Kind: value.Binary, Length: 20, Nullable: true},
		{Name: "store", DataType: "varbinary", Kind: value.Binary, Length: 20, Nullable: true}, {Name: "region", DataType: "varbinary", Kind: value.Binary, Length: 20, Nullable: true},
		{Name: counter, DataType: "decimal", Type: "decimal(65,0)", Kind: value.Decimal, Precision: 65, Nullable: true}}
)

// Positions of columns.
const (
	ofWrite = iota + 1
	ofParent
	ofCode
	ofStore
	ofRegion
	ofSum
)

// counter is a column that is counted where tables are merged.
const counter = "sum"

func init() {
	f := schema.ForeignKey{Name: "parent", Table: "u", Columns: []string{"parent"}, RefTable: "t", RefColumns: []string{"id"}, OnDelete: "RESTRICT"}
	children.ForeignKeys, parents.Referrers = []schema.ForeignKey{f}, []schema.ForeignKey{f}
	parents.Unique = [][]string{{"code"}}
}

// stored returns what the server stores for the row that a write makes.
func stored(key string, write int, s statement) [][]byte {
	return [][]byte{[]byte(key), strconv.AppendInt(nil, int64(write), 10), s.parent, s.code, s.store, s.region, s.sum}
}

// writeIn returns the write that made a row.
func writeIn(values [][]byte) int {
	write, err := strconv.Atoi(string(values[ofWrite]))
	if err != nil {
		return none
	}
	return write
}

// value returns a row's value in a column; nil if it has none.
func (r row) value(column int) []byte {
	if !r.exists || r.values == nil {
		return nil
	}
	return r.values[column]
}
