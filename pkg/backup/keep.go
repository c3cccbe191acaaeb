package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Alerts receives troubles that a person must know about, each once while it lasts.
type Alerts interface {
	Raise(ctx context.Context, rule, subject, text string) (opened bool, err error)
	Settle(ctx context.Context, rule, subject string) (was bool, err error)
}

// Rule is the name of the alert for a missing backup.
const Rule = "backup"

// Keeper keeps the copy in the bucket recent enough. Its failures stop nothing.
type Keeper struct {
	Backups *Backups
	Ledger  *ledger.Ledger // the open state; uploads are recorded there
	Alerts  Alerts
	Log     *zap.Logger

	failures int // how many in a row
}

// worked is how soon a new state is checked again: until a run has ended, it holds nothing worth a copy, and must not
// replace the copy of another state, which may have been lost.
const worked = time.Second

// recheck is how long a copy is trusted to be in the bucket.
const recheck = time.Hour

// Run checks now, and then whenever a copy may be due, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		t := time.NewTimer(k.Check(ctx))
		select {
		case <-ctx.Done():
			t.Stop()
		case <-t.C:
		}
	}
}

// Check makes a copy if one is due. It returns how long until the next check.
func (k *Keeper) Check(ctx context.Context) time.Duration {
	sleep, err := k.check(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		k.failures++
		pause := again(k.failures)
		k.Log.Warn("no backup was made", zap.Int("tries", k.failures), zap.Duration("again in", pause), zap.Error(err))
		k.note(ctx, func() error {
			_, err := k.Alerts.Raise(ctx, Rule, k.Backups.who.Connector, err.Error())
			return err
		})
		return pause
	}
	k.failures = 0
	k.note(ctx, func() error {
		_, err := k.Alerts.Settle(ctx, Rule, k.Backups.who.Connector)
		return err
	})
	return min(sleep, recheck)
}

// note does something whose failure must not fail a backup, such as recording it while the disk is full.
func (k *Keeper) note(ctx context.Context, f func() error) {
	if err := f(); err != nil && ctx.Err() == nil {
		k.Log.Warn("backup not noted", zap.Error(err))
	}
}

func (k *Keeper) check(ctx context.Context) (time.Duration, error) {
	if r, err := k.Ledger.Reached(ctx); err != nil || !r.Worked {
		return worked, err
	}
	f, err := k.found(ctx)
	if err != nil {
		return 0, err
	}
	is, left := due(f, k.Backups.every)
	if !is {
		return left, nil
	}
	began := time.Now()
	c, err := k.Backups.Save(ctx, nil)
	n := ledger.Backup{Object: c.Key, Size: c.Size, SHA256: c.SHA256}
	if err != nil {
		if n.Object = k.Backups.key; ctx.Err() == nil {
			n.Error = err.Error()
		}
	} else {
		k.Log.Info("state backed up", zap.String("object", c.Key), zap.Int64("bytes", c.Size), zap.Duration("in", time.Since(began).Round(time.Millisecond)))
	}
	if ctx.Err() == nil {
		k.note(ctx, func() error {
			return errors.Join(k.Ledger.NoteBackup(ctx, &n), k.Ledger.PurgeBackups(ctx, 100))
		})
	}
	return k.Backups.every, err
}

// found asks the bucket for the newest copy.
func (k *Keeper) found(ctx context.Context) (found, error) {
	info, err := k.Backups.bucket.head(ctx, k.Backups.key)
	f := found{presence: there, at: info.LastModified, now: k.Backups.bucket.clock.now()}
	switch {
	case errors.Is(err, errMissing):
		f.presence = missing
	case errors.Is(err, errDenied):
		noted, err := k.uploaded(ctx)
		return found{presence: hidden, at: noted, now: time.Now()}, err
	case err != nil:
		return f, fmt.Errorf("look for %s: %w", k.Backups.key, err)
	default:
		who, err := k.Ledger.Identity(ctx)
		if err != nil {
			return f, err
		}
		f.older = !who.RestoredAt.IsZero() && copyOf(info).Life != who.Life
	}
	return f, nil
}

// uploaded returns when a copy was last uploaded, as recorded in the state; zero for never.
func (k *Keeper) uploaded(ctx context.Context) (time.Time, error) {
	list, err := k.Ledger.Backups(ctx, 100)
	for _, b := range list {
		if b.Error == "" {
			return b.At, err
		}
	}
	return time.Time{}, err
}
