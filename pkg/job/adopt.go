package job

import (
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// adopt reads the destination's rows into the leg's ledger. Rows without a key are not ours and are left alone; of
// several with the same key, the first counts.
func (l *Leg) adopt(ctx context.Context, log *zap.Logger, c Comparer, from From, columns []string) error {
	a, err := l.ledger.Adopt(ctx)
	if err != nil {
		return err
	}
	var found []ledger.Found
	twice := 0
	flush := func() error {
		more, err := a.Add(ctx, found)
		twice += len(more)
		found = found[:0]
		return err
	}
	take := func(s Stored) error {
		key, err := keyOf(s.Data, from)
		if err != nil {
			return nil
		}
		hash, err := l.Compare.Fingerprint(columns, s.Data)
		if err != nil {
			return err
		}
		if found = append(found, ledger.Found{Key: key, RemoteID: s.ID, Hash: ledger.Hash(hash)}); len(found) < chunk {
			return nil
		}
		return flush()
	}
	err = unstalled(ctx, from.Stall, func(ctx context.Context, waiting *stall) error {
		return c.Rows(ctx, func(s Stored) error {
			waiting.arrived()
			defer waiting.waits()
			return take(s)
		})
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	if twice > 0 {
		log.Warn("the destination has several rows with the same key; all but one are left alone", zap.String("destination", l.Name), zap.Int("rows", twice))
	}
	return a.Done(ctx)
}

// keyOf returns the key of a row as the destination has it.
func keyOf(data []byte, from From) (string, error) {
	object, err := record.Columns(data, from.Key...) // the others may be large
	if err != nil {
		return "", err
	}
	parts := make([]any, len(from.Key))
	for i, name := range from.Key {
		parts[i] = object[name]
	}
	return record.Key(parts, from.IgnoreCase)
}
