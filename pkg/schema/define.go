package schema

import "github.com/mysql-sync/mysql-sync/pkg/value"

// Define returns the definition of a table that is on no server, with its first column as the key.
func Define(name string, columns ...value.Column) *Table {
	t := &Table{Name: name, Columns: columns, Key: []int{0}, byName: make(map[string]int, len(columns))}
	for i, c := range columns {
		t.byName[c.Name] = i
		t.names = append(t.names, c.Name)
	}
	return t
}
