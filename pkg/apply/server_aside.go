package apply

import (
	"context"
	"crypto/rand"
	"math/big"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// MoveAside updates a row to a value that no row has.
func (x *session) MoveAside(ctx context.Context, t *schema.Table, s *Step, unique []string) (bool, error) {
	steps := []*Step{s}
	if err := announce(ctx, x.atOnce, t, steps); err != nil {
		return false, err
	}
	for range 4 {
		var q mysqldb.Statement
		if !addAside(&q, t, unique) {
			break
		}
		q.SQL(" WHERE ")
		if err := t.AddKeys(&q, keysOf(steps)); err != nil {
			return false, err
		}
		err := q.Exec(ctx, x.atOnce)
		if err == nil {
			return true, nil
		}
		if mysqldb.Number(err) == 0 || mysqldb.Transient(err) {
			return false, err
		}
	}
	return false, nil
}

// addAside appends an update of one column of a unique key to NULL or, if all are NOT NULL, to a random value. It returns
// false if no column has a suitable type.
func addAside(q *mysqldb.Statement, t *schema.Table, u []string) bool {
	var best *value.Column
	for _, name := range u {
		c, ok := t.Column(name)
		if !ok || slices.Contains(t.Key, t.Index(name)) {
			continue
		}
		if c.Nullable || best == nil && random(c) != nil {
			best = c
		}
		if c.Nullable {
			break
		}
	}
	if best == nil {
		return false
	}
	q.SQL("UPDATE " + mysqldb.Quote(t.Name) + " SET " + mysqldb.Quote(best.Name) + "=")
	if best.Nullable {
		q.Null()
	} else {
		schema.AddValue(q, best, random(best))
	}
	return true
}

// largest are the largest values of the signed integer types; the unsigned types have twice as many.
var largest = map[string]int64{"tinyint": 1<<7 - 1, "smallint": 1<<15 - 1, "mediumint": 1<<23 - 1, "int": 1<<31 - 1, "bigint": 1<<63 - 1}

// random returns a value that most likely no row has, or nil if the type has none.
func random(c *value.Column) []byte {
	switch c.Kind {
	case value.Integer:
		if most := largest[c.DataType]; most > 0 {
			n, err := rand.Int(rand.Reader, big.NewInt(most))
			if err == nil {
				return []byte(n.String())
			}
		}
	case value.Text, value.Binary:
		if c.DataType == "enum" || c.DataType == "set" || c.Length < 8 || c.DataType == "uuid" || c.DataType == "inet4" || c.DataType == "inet6" {
			return nil
		}
		return []byte(rand.Text()[:min(c.Length, 26)])
	case value.Date, value.DateTime:
		days, err := rand.Int(rand.Reader, big.NewInt(365*7000))
		if err != nil {
			return nil
		}
		day := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Int64()))
		return []byte(day.Format("2006-01-02"))
	}
	return nil
}
