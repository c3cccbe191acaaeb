package log

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// selectReach finds out whether a statement that names tables may write others: it is run of a write that is logged as text.
const selectReach = `SELECT EXISTS (SELECT 1 FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (%[1]s))
	OR EXISTS (SELECT 1 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE IN (%[1]s) AND TRIGGER_NAME NOT LIKE 'mysqlSync%%')
	OR EXISTS (SELECT 1 FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'FUNCTION' AND LOCATE(LOWER(ROUTINE_NAME), LOWER(?)) > 0)`

// reaches reports whether a write that is logged as text may write tables of the database besides those that it names and those below
// them: by a view, a trigger or a function.
func (s *shapes) reaches(ctx context.Context, w *binlog.SQL) (bool, error) {
	if len(w.Tables) == 0 {
		return true, nil
	}
	var names []any
	for _, n := range w.Tables {
		if n.Schema == s.schema {
			names = append(names, n.Table)
		}
	}
	if len(names) == 0 {
		names = []any{""} // a function may be called all the same
	}
	var args []any
	for range 2 {
		args = append(append(args, s.schema), names...)
	}
	args = append(args, s.schema, w.Text)
	var more bool
	if err := s.db.GetContext(ctx, &more, fmt.Sprintf(selectReach, mysqldb.List(len(names))), args...); err != nil {
		return false, fmt.Errorf("ask what a statement may write: %w", err)
	}
	return more, nil
}
