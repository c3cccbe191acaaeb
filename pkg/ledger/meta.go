package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Identity says whose state this is.
type Identity struct {
	Connector, Org, Hub string
	Life                string    // drawn anew when a state is created or restored; batch ids begin with it
	RestoredAt          time.Time // zero if never restored
}

// Identity returns whose state this is; what was never recorded is "".
func (l *Ledger) Identity(ctx context.Context) (Identity, error) {
	var i Identity
	rows, err := l.read.QueryContext(ctx, `SELECT name, value FROM meta`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		switch name {
		case "connector":
			i.Connector = value
		case "org":
			i.Org = value
		case "hub":
			i.Hub = value
		case "life":
			i.Life = value
		case "restored_at":
			ms, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return err
			}
			i.RestoredAt = time.UnixMilli(ms)
		}
		return nil
	})
	if err != nil {
		return i, fmt.Errorf("read whose state this is: %w", err)
	}
	return i, nil
}

// ForeignError means that the state is another connector's.
type ForeignError struct{ Has, Want Identity }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the state file belongs to connector %q (org %q, hub %q), not %q (org %q, hub %q)",
		e.Has.Connector, e.Has.Org, e.Has.Hub, e.Want.Connector, e.Want.Org, e.Want.Hub)
}

// Identify records whose state this is, if it is new, and fails with a *ForeignError if it is another connector's.
func (l *Ledger) Identify(ctx context.Context, want Identity) error {
	has, err := l.Identity(ctx)
	if err != nil {
		return err
	}
	if has.Connector == "" {
		err := l.update(ctx, func(tx *tx) error {
			return tx.exec(`REPLACE INTO meta VALUES ('connector', ?), ('org', ?), ('hub', ?)`, want.Connector, want.Org, want.Hub)
		})
		if err != nil {
			err = fmt.Errorf("record whose state this is: %w", err)
		}
		return err
	}
	if has.Connector != want.Connector || has.Org != want.Org || has.Hub != want.Hub {
		return &ForeignError{Has: has, Want: want}
	}
	return nil
}
