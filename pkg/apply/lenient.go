package apply

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// An ENUM that was once given an invalid value holds the number 0, which reads as the empty string. It is a value like
// any other and travels with its row, but no server accepts it in strict mode.

// Statements that make a session non-strict for a while.
const (
	setLenient = `SET @mysql_sync_mode = @@sql_mode, sql_mode = REPLACE(REPLACE(@@sql_mode, 'STRICT_ALL_TABLES', ''), 'STRICT_TRANS_TABLES', '')`
	setStrict  = `SET sql_mode = @mysql_sync_mode`
)

// wrongEnums returns the indexes of the columns that can hold the empty string only as the error value.
func wrongEnums(t *schema.Table, columns []string) []int {
	var list []int
	for i, name := range columns {
		if c, ok := t.Column(name); ok && c.DataType == "enum" && !slices.Contains(c.Members, "") {
			list = append(list, i)
		}
	}
	return list
}

// isWrong reports whether one of the columns of a row has the error value.
func (s *Step) isWrong(enums []int) bool {
	return slices.ContainsFunc(enums, func(i int) bool { return s.in.Values[i] != nil && len(s.in.Values[i]) == 0 })
}

// lenient writes a row with the error value. The server's warnings about other columns, while it is not strict, are
// returned as errors, as in strict mode.
func lenient(ctx context.Context, tx mysqldb.Tx, t *schema.Table, s *Step, enums []int, f statement) (err error) {
	if _, err := tx.ExecContext(ctx, setLenient); err != nil {
		return err
	}
	defer func() {
		_, strict := tx.ExecContext(ctx, setStrict)
		err = errors.Join(err, strict)
	}()
	if err := f(ctx, tx, t, []*Step{s}); err != nil {
		return err
	}
	return mysqldb.Each(ctx, tx, `SHOW WARNINGS`, nil, func(r *sql.Rows) error {
		var level, message string
		var number uint16
		if err := r.Scan(&level, &number, &message); err != nil {
			return err
		}
		wrong := slices.ContainsFunc(enums, func(i int) bool { return strings.Contains(message, "'"+s.in.Columns[i]+"'") })
		if !mysqldb.Altered(number) || number == mysqldb.Truncated && wrong {
			return nil
		}
		return fmt.Errorf("error %d: %s", number, message)
	})
}
