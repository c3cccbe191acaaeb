package value

import (
	"strconv"
	"time"
)

// Form returns an entity value in the form in which Decode gives the column's values:
// text, digits or bytes, a number if the column has numbers, and never a nested value.
// Peers may send any JSON, and a script must find the form that the column promises:
// an object in place of a name would become code in a statement built from it. Text
// that is not a number stays text in a column of numbers, for a script to convert. An
// error says that the value fits no form of the column.
func (c *Column) Form(v any, zone *time.Location) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		switch c.Kind {
		case Integer, Bit, Year, Double:
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				return v, nil
			}
		case Binary, Geometry:
		default:
			return v, nil
		}
	}
	stored, err := c.Encode(v, zone)
	if err != nil {
		return nil, err
	}
	return c.Decode(stored, zone), nil
}
