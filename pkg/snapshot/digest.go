package snapshot

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Range is a part of a table in the order of its primary key: what comes after
// the key After up to the key UpTo; nil is no bound. Where, unless it is "", is an
// SQL condition of the rows that count.
type Range struct {
	After, UpTo []byte
	Where       string
}

func (r Range) where(t *schema.Table) (string, []any, error) {
	conditions := []string{"1=1"}
	var args []any
	if r.After != nil {
		after, list, err := t.AfterKey(string(r.After))
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, after), append(args, list...)
	}
	if r.UpTo != nil {
		upTo, list, err := t.UpToKey(string(r.UpTo))
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, upTo), append(args, list...)
	}
	if r.Where != "" {
		conditions = append(conditions, r.Where)
	}
	return strings.Join(conditions, " AND "), args, nil
}

// sumMost is how many rows one checksum is made of: those of a chunk, and what has come into it since. Promise 7.
const sumMost = 10 * wire.VerifyRows

// Sum returns the number of rows of a range and their checksum, computed by the
// server. The checksum does not depend on the order of the rows. It is empty if the
// server has none of some row, or the range has far more rows than a chunk; then no more than one beyond sumMost are
// read and counted.
func Sum(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, r Range, form int) (count int64, sum string, err error) {
	row, err := rowSum(t, columns, form)
	if err != nil {
		return 0, "", err
	}
	where, args, err := r.where(t)
	if err != nil {
		return 0, "", err
	}
	var summed int64
	err = mysqldb.Each(ctx, db, `SELECT COUNT(*), COUNT(h), CONCAT(HEX(BIT_XOR(CAST(CONV(LEFT(h, 16), 16, 10) AS UNSIGNED))), '-', HEX(BIT_XOR(CAST(CONV(RIGHT(h, 16), 16, 10) AS UNSIGNED))))
		FROM (SELECT `+row+` AS h FROM `+mysqldb.Quote(t.Name)+` WHERE `+where+` LIMIT ?) d`, append(args, sumMost+1),
		func(rows *sql.Rows) error { return rows.Scan(&count, &summed, &sum) })
	if err != nil {
		return 0, "", fmt.Errorf("checksum of %s: %w", t.Name, err)
	}
	if summed < count || count > sumMost {
		return count, "", nil // BIT_XOR passes over NULL
	}
	return count, sum, nil
}

// Hashes returns the checksum of each row of a range, at most limit, in the order
// of the keys. It is empty where the server has none.
func Hashes(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, r Range, limit, form int) ([]wire.Hash, error) {
	row, err := rowSum(t, columns, form)
	if err != nil {
		return nil, err
	}
	where, args, err := r.where(t)
	if err != nil {
		return nil, err
	}
	var hashes []wire.Hash
	err = mysqldb.Each(ctx, db, "SELECT "+t.KeyExpr("")+", "+row+" FROM "+mysqldb.Quote(t.Name)+" WHERE "+where+" ORDER BY "+t.KeyColumns()+" LIMIT ?",
		append(args, limit), func(rows *sql.Rows) error {
			var h wire.Hash
			var sum sql.NullString
			err := rows.Scan(&h.Key, &sum)
			h.Sum = sum.String
			hashes = append(hashes, h)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("checksums of %s: %w", t.Name, err)
	}
	return hashes, nil
}

// Values returns the rows with the given keys in stored form, by key; a row that
// is not there is missing. What is to be kept of the value of a column is said by
// keep, unless it is nil.
func Values(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, keys [][]byte, keep func(column int, stored []byte) []byte) (map[string][][]byte, error) {
	found := map[string][][]byte{}
	if len(keys) == 0 {
		return found, nil
	}
	expressions, err := selectColumns(t, t.KeyExpr(""), columns, ", %s")
	if err != nil {
		return nil, err
	}
	err = selectKeys(ctx, db, t, expressions, keys, func(rows *sql.Rows) error {
		var key string
		values := make([][]byte, len(columns))
		into := []any{&key}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range values {
			if keep != nil {
				values[i] = keep(i, values[i])
			}
		}
		found[key] = values
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	return found, nil
}

// Sizes returns how many bytes the values of rows with the given keys have, by key; a row that is not there is missing.
func Sizes(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, keys [][]byte) (map[string]int, error) {
	sizes := map[string]int{}
	if len(keys) == 0 {
		return sizes, nil
	}
	expressions, err := selectColumns(t, t.KeyExpr("")+", 0", columns, "+COALESCE(LENGTH(%s),0)")
	if err != nil {
		return nil, err
	}
	err = selectKeys(ctx, db, t, expressions, keys, func(rows *sql.Rows) error {
		var key string
		var size int
		err := rows.Scan(&key, &size)
		sizes[key] = size
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how large rows of %s are: %w", t.Name, err)
	}
	return sizes, nil
}

// selectColumns adds to the expressions of a SELECT one for each column, of the form given.
func selectColumns(t *schema.Table, expressions string, columns []string, form string) (string, error) {
	for _, name := range columns {
		c, ok := t.Column(name)
		if !ok {
			return "", fmt.Errorf("table %s has no column %.64q", t.Name, name)
		}
		expressions += fmt.Sprintf(form, c.SelectExpr(mysqldb.Quote(name)))
	}
	return expressions, nil
}

// selectKeys calls f with each of the rows with the given keys that is there.
func selectKeys(ctx context.Context, db mysqldb.Queryer, t *schema.Table, expressions string, keys [][]byte, f func(*sql.Rows) error) error {
	var q mysqldb.Statement
	err := t.AddSelect(&q, expressions, func(yield func(string) bool) {
		for i := 0; i < len(keys) && yield(string(keys[i])); i++ {
		}
	}, "")
	if err != nil {
		return err
	}
	return q.Query(ctx, db, f)
}

// Keys returns the keys of a range, at most limit, in their order.
func Keys(ctx context.Context, db mysqldb.Queryer, t *schema.Table, r Range, limit int) (keys [][]byte, err error) {
	where, args, err := r.where(t)
	if err != nil {
		return nil, err
	}
	err = mysqldb.Each(ctx, db, "SELECT "+t.KeyExpr("")+" FROM "+mysqldb.Quote(t.Name)+" WHERE "+where+" ORDER BY "+t.KeyColumns()+" LIMIT ?",
		append(args, limit), func(rows *sql.Rows) error {
			var key []byte
			err := rows.Scan(&key)
			keys = append(keys, key)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read keys of %s: %w", t.Name, err)
	}
	return keys, nil
}

// NextKey returns the key that ends the next chunk of a range, of which UpTo does not
// count, and false if the rest is shorter than a chunk of n rows.
func NextKey(ctx context.Context, db mysqldb.Queryer, t *schema.Table, r Range, n int) (key []byte, ok bool, err error) {
	where, args, err := Range{After: r.After, Where: r.Where}.where(t)
	if err != nil {
		return nil, false, err
	}
	err = mysqldb.Each(ctx, db, "SELECT "+t.KeyExpr("")+" FROM "+mysqldb.Quote(t.Name)+" WHERE "+where+" ORDER BY "+t.KeyColumns()+" LIMIT 1 OFFSET ?",
		append(args, n-1), func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(&key)
		})
	if err != nil {
		return nil, false, fmt.Errorf("read keys of %s: %w", t.Name, err)
	}
	return key, ok, nil
}
