package snapshot

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Range is a part of a table in the order of its primary key: what comes after
// the key After up to the key UpTo; nil is no bound.
type Range struct{ After, UpTo []byte }

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
		beyond, list, err := t.AfterKey(string(r.UpTo))
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, "NOT "+beyond), append(args, list...)
	}
	return strings.Join(conditions, " AND "), args, nil
}

// rowSum is the SQL expression of a row's checksum. It is made of the values'
// stored forms with their lengths, so that MariaDB and MySQL give the same; NULL
// is told from the empty string.
func rowSum(t *schema.Table, columns []string) (string, error) {
	parts := make([]string, len(columns))
	for i, name := range columns {
		c, ok := t.Column(name)
		if !ok {
			return "", fmt.Errorf("table %s has no column %.64q", t.Name, name)
		}
		q := mysqldb.Quote(name)
		e := "CAST(" + c.SelectExpr(q) + " AS BINARY)"
		switch c.Kind {
		case value.Binary:
			e = q
		case value.Geometry:
			e = "ST_AsBinary(" + q + ")"
		case value.Text:
			e = "CAST(CONVERT(" + q + " USING utf8mb4) AS BINARY)"
		}
		parts[i] = "COALESCE(CONCAT(LENGTH(" + e + "), ':', " + e + "), '-')"
	}
	return "LEFT(SHA2(CONCAT(" + strings.Join(parts, ",") + "), 256), 32)", nil
}

// Sum returns the number of rows of a range and their checksum, computed by the
// server. The checksum does not depend on the order of the rows.
func Sum(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, r Range) (count int64, sum string, err error) {
	row, err := rowSum(t, columns)
	if err != nil {
		return 0, "", err
	}
	where, args, err := r.where(t)
	if err != nil {
		return 0, "", err
	}
	err = mysqldb.Each(ctx, db, `SELECT COUNT(*), CONCAT(HEX(BIT_XOR(CAST(CONV(LEFT(h, 16), 16, 10) AS UNSIGNED))), '-', HEX(BIT_XOR(CAST(CONV(RIGHT(h, 16), 16, 10) AS UNSIGNED))))
		FROM (SELECT `+row+` AS h FROM `+mysqldb.Quote(t.Name)+` WHERE `+where+`) d`, args,
		func(rows *sql.Rows) error { return rows.Scan(&count, &sum) })
	if err != nil {
		return 0, "", fmt.Errorf("checksum of %s: %w", t.Name, err)
	}
	return count, sum, nil
}

// Hashes returns the checksum of each row of a range, at most limit, in the order
// of the keys.
func Hashes(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, r Range, limit int) ([]wire.Hash, error) {
	row, err := rowSum(t, columns)
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
			err := rows.Scan(&h.Key, &h.Sum)
			hashes = append(hashes, h)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("checksums of %s: %w", t.Name, err)
	}
	return hashes, nil
}

// Values returns the rows with the given keys in stored form, by key; a row that
// is not there is missing.
func Values(ctx context.Context, db mysqldb.Queryer, t *schema.Table, columns []string, keys [][]byte) (map[string][][]byte, error) {
	found := map[string][][]byte{}
	if len(keys) == 0 {
		return found, nil
	}
	list := make([]string, len(columns))
	for i, name := range columns {
		c, ok := t.Column(name)
		if !ok {
			return nil, fmt.Errorf("table %s has no column %.64q", t.Name, name)
		}
		list[i] = c.SelectExpr(mysqldb.Quote(name))
	}
	var args []any
	var err error
	for _, k := range keys {
		if args, err = t.KeyArgs(args, string(k)); err != nil {
			return nil, err
		}
	}
	err = mysqldb.Each(ctx, db, "SELECT "+t.KeyExpr("")+", "+strings.Join(list, ", ")+" FROM "+mysqldb.Quote(t.Name)+" WHERE "+t.WhereKeys(len(keys)), args,
		func(rows *sql.Rows) error {
			var key string
			values := make([][]byte, len(columns))
			into := []any{&key}
			for i := range values {
				into = append(into, &values[i])
			}
			err := rows.Scan(into...)
			found[key] = values
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	return found, nil
}

// NextKey returns the key that ends the next chunk after a key, and false if the
// rest of the table is shorter than a chunk of n rows.
func NextKey(ctx context.Context, db mysqldb.Queryer, t *schema.Table, after []byte, n int) (key []byte, ok bool, err error) {
	where, args, err := Range{After: after}.where(t)
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
