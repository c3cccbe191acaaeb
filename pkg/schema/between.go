package schema

import (
	"bytes"
	"cmp"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// AddBetween appends a query of the keys of at most limit rows that lie between the given ones, including these. It returns false, and
// appends nothing, if it cannot tell which key is the first and which the last: that takes a last column of a type with a simple order, and
// the same values of all columns before it.
func (t *Table) AddBetween(s *mysqldb.Statement, keys []string, limit int) bool {
	last := len(t.Key) - 1
	outside := t.outside()
	if outside == "" || len(keys) == 0 {
		return false
	}
	c := &t.Columns[t.Key[last]]
	var before [][]byte
	var from, to []byte
	for n, key := range keys {
		values, err := t.KeyValues(key)
		if err != nil {
			return false
		}
		for i, v := range values {
			if (n == 0 || i == last) && !HasLiteral(&t.Columns[t.Key[i]], v) || n > 0 && i < last && !bytes.Equal(v, before[i]) {
				return false
			}
		}
		v := values[last]
		if n == 0 {
			before, from, to = values, v, v
			continue
		}
		under, ok := compare(c, v, from)
		over, _ := compare(c, v, to)
		switch {
		case !ok:
			return false
		case under < 0:
			from = v
		case over > 0:
			to = v
		}
	}
	if _, ok := compare(c, from, to); !ok {
		return false
	}
	s.SQL("SELECT " + t.KeyExpr("") + " FROM " + t.ByKey() + " WHERE " + outside)
	for i, k := range t.Key[:last] {
		s.SQL(mysqldb.Quote(t.Columns[k].Name) + "=")
		AddLiteral(s, &t.Columns[k], before[i])
		s.SQL(" AND ")
	}
	s.SQL(mysqldb.Quote(c.Name) + " BETWEEN ")
	AddLiteral(s, c, from)
	s.SQL(" AND ")
	AddLiteral(s, c, to)
	s.SQL(" LIMIT ")
	s.Int(int64(limit))
	return true
}

// compare compares two stored values of a column as the server does; ok is false if it does so in a way of its own.
func compare(c *value.Column, a, b []byte) (order int, ok bool) {
	switch c.Kind {
	case value.Integer:
		x, err := strconv.ParseInt(string(a), 10, 64)
		y, wrong := strconv.ParseInt(string(b), 10, 64)
		if err == nil && wrong == nil {
			return cmp.Compare(x, y), true
		}
	case value.Binary, value.Date:
		return bytes.Compare(a, b), true
	}
	return 0, false
}
