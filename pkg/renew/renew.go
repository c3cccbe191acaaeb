package renew

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Writer gives rows further versions. Its methods are called by the senders, each of one remote. It is safe for concurrent use.
type Writer struct {
	Config

	mu     sync.Mutex
	spoken map[string]*spoken // by remote
}

// Config is what a Writer is made of.
type Config struct {
	Log      *zap.Logger
	DB       *mysqldb.DB
	Stream   *version.Stream
	Now      func() time.Time
	Started  time.Time                       // of this run of the node
	Client   string                          // of this node
	Origin   string                          // of the writes that are made here
	MayWrite func(client, table string) bool // see config.Config
	Written  func(change.Row) int64          // until when the node may have written a row; see capture.Capture
	OnNews   func()                          // there is something in the stream
}

// renew gives rows further versions, as if they were written again unchanged, and returns which. next says which rows,
// from what is known of them under their latches, and what their states are then.
func (w *Writer) renew(ctx context.Context, rows []change.Row, next func(r change.Row, s change.State, now int64) (change.State, bool)) ([]change.Row, error) {
	var renewed []change.Row
	err := w.Stream.Write(ctx, w.DB, rows, func(tx mysqldb.Tx, writing *version.Writing) error {
		renewed = nil
		states, err := version.Read(ctx, tx, rows)
		if err != nil {
			return err
		}
		now := change.Micros(w.Now())
		var entries []version.Entry
		for _, r := range rows {
			held, ok := states[r]
			if !ok {
				continue
			}
			if s, ok := next(r, held, now); ok {
				renewed = append(renewed, r)
				entries = append(entries, version.Entry{Row: r, State: s})
			}
		}
		if len(entries) == 0 {
			return nil
		}
		fates, err := version.Fates(ctx, tx, renewed)
		if err != nil {
			return err
		}
		first := writing.Positions(len(entries))
		for i := range entries {
			entries[i].Fate, entries[i].Position = fates[entries[i].Row], first+int64(i)
		}
		return version.Write(ctx, tx, entries)
	})
	if err != nil {
		return nil, fmt.Errorf("give rows further versions: %w", err)
	}
	if len(renewed) > 0 {
		w.OnNews()
	}
	return renewed, nil
}
