package value

import (
	"strconv"
	"time"
)

// Form returns an entity value in the form in which Decode gives the column's values:
// text, digits or bytes, a number where the column has numbers, and nothing that has
// parts of its own. What peers send as JSON has any form, and a script must find the
// one that the column promises: an object that comes for a name would be code in a
// statement that it is made part of. A text that is no number stays a text in a column
// of numbers, for a script to make one of it. An error says that no form of the column
// fits.
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
