package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// ErrVariable says that the server refused to set a variable of applySession.
var ErrVariable = errors.New("applySession cannot be set")

// setting are further session variables, whose names package config has checked.
type setting []config.Variable

// run sets the variables in a new session.
func (s setting) run(ctx context.Context, conn driver.Conn) error {
	if len(s) == 0 {
		return nil
	}
	parts := make([]string, len(s))
	args := make([]driver.NamedValue, len(s))
	for i, v := range s {
		if name, ok := strings.CutPrefix(v.Name, "@"); ok {
			parts[i] = "@" + Quote(name) + "=?"
		} else {
			parts[i] = "SESSION " + v.Name + "=?"
		}
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v.Value}
		switch value := v.Value.(type) {
		case int:
			args[i].Value = int64(value)
		case bool: // a server knows only numbers
			args[i].Value = int64(0)
			if value {
				args[i].Value = int64(1)
			}
		}
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, "SET "+strings.Join(parts, ", "), args); err != nil {
		return fmt.Errorf("%w: %w", ErrVariable, err)
	}
	return nil
}
