package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// errView is the error of writes through a view.
var errView = errors.New("the state is open read-only")

// View opens a state read-only, whether or not a process uses it. A missing state is an fs.ErrNotExist; a state of
// another version is copied, and the copy migrated.
func View(ctx context.Context, file string, c Config) (*Ledger, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	db, err := connect(file, readCacheKiB, copies)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var has, application int
	err = db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id)`).Scan(&has, &application)
	if err != nil || has != len(names) || application != applicationID {
		if closed := db.Close(); err != nil {
			return nil, fmt.Errorf("open %s: %w", file, errors.Join(err, closed))
		}
		return Copy(ctx, file, c)
	}
	l := &Ledger{file: file, now: c.Now, turn: make(chan struct{}, 1), legs: map[legKey]*Leg{}, read: db, looks: prepared(db)}
	if l.now == nil {
		l.now = time.Now
	}
	return l, nil
}
