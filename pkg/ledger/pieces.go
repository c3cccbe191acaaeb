package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
)

// pieceBytes is the size of the pieces in which larger data are stored. SQLite holds two copies of a value while it is
// written, and one while it is read, and a table without rowids reads all of a value to compare its key. Promise 12.
const pieceBytes = 256 << 10

// indexBits is how many low bits of a piece's id are its index.
const indexBits = 16

// span returns the first and last id of the pieces with a number.
func span(number int64) (first, last int64) { return number << indexBits, (number+1)<<indexBits - 1 }

// sizeOf is an expression for the size of the data in a column, which must be qualified by its table.
func sizeOf(column string) string {
	return `CASE typeof(` + column + `) WHEN 'integer' THEN (SELECT sum(length(p.data)) FROM pieces p WHERE p.id BETWEEN ` + column + ` << 16 AND ` + column + ` << 16 | 65535)
		ELSE length(` + column + `) END`
}

// lightOf is an expression for the data in a column if they have fewer than Heavy bytes; otherwise it is NULL.
func lightOf(column string) string {
	return `CASE WHEN typeof(` + column + `) = 'blob' AND length(` + column + `) < 65536 THEN ` + column + ` END`
}

var errNoPieces = errors.New("the pieces of a row are missing")

// put returns what to store in a column data: the data, or the number of the pieces in which they now are.
func (t *tx) put(data []byte) (any, error) {
	if len(data) <= t.piece {
		return null(data), nil
	}
	var number int64
	if err := t.one(`SELECT coalesce(max(id), 0) >> 16 FROM pieces`).Scan(&number); err != nil {
		return nil, err
	}
	number++
	t.pieces = true
	t.cached(littleKiB)
	id, _ := span(number)
	for piece := range slices.Chunk(data, t.piece) {
		if err := t.exec(`INSERT INTO pieces VALUES (?, ?)`, id, piece); err != nil {
			return nil, err
		}
		id++
	}
	return number, nil
}

// littleKiB is the cache of a transaction that writes or deletes pieces: it would fill with pages of theirs, of which none is
// used again.
const littleKiB = 1 << 10

// cached sets the size of the cache.
func (t *tx) cached(kib int) {
	if t.shrunk == (kib < cacheKiB) {
		return
	}
	t.shrunk = !t.shrunk
	_ = t.script(fmt.Sprintf(`PRAGMA cache_size(-%d)`, kib)) // at worst, it stays as it was
}

// whole returns the data of a column data that was scanned.
func (t *tx) whole(data any) ([]byte, error) {
	number, pieces := data.(int64)
	if !pieces {
		b, _ := data.([]byte) // NULL is nil
		return b, nil
	}
	first, last := span(number)
	var size int
	if err := t.one(`SELECT coalesce(sum(length(data)), 0) FROM pieces WHERE id BETWEEN ? AND ?`, first, last).Scan(&size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	err := t.each(func(rows *sql.Rows) error {
		var piece sql.RawBytes
		err := rows.Scan(&piece)
		b = append(b, piece...)
		return err
	}, `SELECT data FROM pieces WHERE id BETWEEN ? AND ? ORDER BY id`, first, last)
	if err == nil && size == 0 {
		err = errNoPieces
	}
	return b, err
}

// scrap deletes the pieces of rows that are about to be deleted or replaced: "outbox WHERE id = ?".
func (t *tx) scrap(rows string, args ...any) error {
	if !t.pieces {
		return nil
	}
	var numbers []int64
	if err := t.each(func(r *sql.Rows) error {
		var number int64
		err := r.Scan(&number)
		numbers = append(numbers, number)
		return err
	}, `SELECT data FROM `+rows+` AND typeof(data) = 'integer'`, args...); err != nil {
		return err
	}
	if len(numbers) > 0 {
		t.cached(littleKiB)
	}
	for _, number := range numbers {
		first, last := span(number)
		if err := t.exec(`DELETE FROM pieces WHERE id BETWEEN ? AND ?`, first, last); err != nil {
			return err
		}
	}
	return nil
}

// keep leaves the pieces of rows alone when these are deleted, since a copy of them has the pieces now.
func (t *tx) keep(table string, id int64) error {
	if !t.pieces {
		return nil
	}
	return t.exec(`UPDATE `+table+` SET data = NULL WHERE id = ? AND typeof(data) = 'integer'`, id)
}

// look finds out whether there are pieces.
func (t *tx) look() error { return t.one(`SELECT EXISTS (SELECT 1 FROM pieces)`).Scan(&t.pieces) }

// blob returns the data that a query finds in a column data, or io.EOF if it finds no row. It bypasses package sql, which
// would copy them once more.
func (l *Ledger) blob(ctx context.Context, query string, args ...any) (data []byte, err error) {
	conn, err := l.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil { // a writer must not replace the row before its pieces are read
		return nil, err
	}
	defer func() {
		_, ended := conn.ExecContext(context.WithoutCancel(ctx), `COMMIT`)
		err = errors.Join(err, ended)
	}()
	return data, conn.Raw(func(c any) error {
		q, ok := c.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver has no queries")
		}
		first, err := single(ctx, q, query, args...)
		if err != nil {
			return err
		}
		number, pieces := first.(int64)
		if !pieces {
			if data, ok = first.([]byte); !ok {
				return sql.ErrNoRows
			}
			return nil
		}
		from, to := span(number)
		size, err := single(ctx, q, `SELECT sum(length(data)) FROM pieces WHERE id BETWEEN ? AND ?`, from, to)
		if err != nil {
			return err
		}
		n, ok := size.(int64)
		if !ok {
			return errNoPieces
		}
		data = make([]byte, 0, n)
		return values(ctx, q, func(v driver.Value) error {
			piece, _ := v.([]byte)
			data = append(data, piece...)
			return nil
		}, `SELECT data FROM pieces WHERE id BETWEEN ? AND ? ORDER BY id`, from, to)
	})
}

// single returns the first value that a query returns, or io.EOF.
func single(ctx context.Context, q driver.QueryerContext, query string, args ...any) (v driver.Value, err error) {
	err = values(ctx, q, func(found driver.Value) error {
		v = found
		return errEnough
	}, query, args...)
	if errors.Is(err, errEnough) {
		return v, nil
	}
	if err == nil {
		err = io.EOF
	}
	return nil, err
}

// values calls f with each value of a query's one column.
func values(ctx context.Context, q driver.QueryerContext, f func(driver.Value) error, query string, args ...any) (err error) {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := q.QueryContext(ctx, query, named)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for value := make([]driver.Value, 1); ; {
		if err := rows.Next(value); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(value[0]); err != nil {
			return err
		}
	}
}
