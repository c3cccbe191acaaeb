package value

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Uniform returns a stored value in a spelling common to its column and another server's, whose data type is there: values that
// are Equal have the same. So two nodes can compare checksums of it when neither sees the other's value.
func (c *Column) Uniform(stored []byte, there string) []byte {
	either := func(types ...string) bool { return slices.Contains(types, c.DataType) || slices.Contains(types, there) }
	s := string(stored)
	switch {
	case stored == nil:
		return nil
	case c.Kind == JSON, c.Kind == Text && there == "json":
		return Canonical(stored)
	case c.Kind == Double:
		bits := 64
		if either("float") {
			bits = 32
		}
		f, err := strconv.ParseFloat(s, bits)
		if err != nil {
			return stored
		}
		return strconv.AppendFloat(nil, f+0, 'g', -1, bits)
	case c.Kind == Integer, c.Kind == Bit, c.Kind == Year:
		if part, err := c.KeyPart(stored); err == nil {
			return part
		}
	case c.Kind == Decimal, c.Kind == DateTime, c.Kind == Time, c.Kind == Timestamp:
		if strings.Contains(s, ".") {
			return []byte(strings.TrimRight(strings.TrimRight(s, "0"), "."))
		}
	case c.Kind == Binary:
		if either("binary") {
			return bytes.TrimRight(stored, "\x00")
		}
	case c.Kind == Text && either("char"):
		return []byte(strings.TrimRight(s, " "))
	case c.Kind == Text && either("set"): // the same members in a different order
		members := strings.Split(s, ",")
		slices.Sort(members)
		return []byte(strings.Join(members, ","))
	case c.Kind == Text && either("uuid"):
		return []byte(strings.ToLower(strings.ReplaceAll(s, "-", "")))
	case c.Kind == Text && either("inet4", "inet6"):
		if a, err := netip.ParseAddr(s); err == nil {
			return []byte(a.String())
		}
	}
	return stored
}
