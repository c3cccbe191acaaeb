package value

// Field is one column of an Entity.
//
// Value is one of: nil, bool, int64, uint64, float64, string, []byte,
// time.Time, or json.RawMessage for a nested structure that a transformer or a
// peer gave. A number that a JavaScript number cannot hold (an integer beyond
// ±2^53, a DECIMAL) is a string.
type Field struct {
	Name  string
	Value any
}

// Entity is a row as an object: its columns in a fixed order, each name once.
// A nil Entity is a deleted row.
type Entity []Field

// Value returns the value of the column name, and whether the entity has it.
func (e Entity) Value(name string) (any, bool) {
	for i := range e {
		if e[i].Name == name {
			return e[i].Value, true
		}
	}
	return nil, false
}
