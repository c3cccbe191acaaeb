package daemon

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// present gives rows that a remote refused a version of now, where theirs lies too far
// ahead by the own clock too: a clock was wrong when they were written, and no remote
// whose clock is right would ever take them. That is seen only when it has been set
// right: two clocks must agree, or one that is behind would undo what is right.
func (n *Node) present(ctx context.Context, failed []outbox.Failure) error {
	rows := make([]change.Row, len(failed))
	for i := range failed {
		rows[i] = failed[i].Row
	}
	ahead, err := n.tooFarAhead(ctx, n.db, rows)
	if err != nil || len(ahead) == 0 {
		return err
	}
	rows = rows[:0]
	for r := range ahead {
		rows = append(rows, r)
	}
	unlock, err := n.rows.Lock(ctx, rows)
	if err != nil {
		return err
	}
	defer unlock()
	writing, err := n.stream.Begin(ctx)
	if err != nil {
		return err
	}
	var next []version.Entry
	err = mysqldb.InTx(ctx, n.db, func(tx mysqldb.Tx) error {
		ahead, err := n.tooFarAhead(ctx, tx, rows) // but for those that were written meanwhile
		if err != nil || len(ahead) == 0 {
			return err
		}
		fates, err := version.Fates(ctx, tx, rows)
		if err != nil {
			return err
		}
		now, first := change.Micros(n.now()), writing.Positions(len(rows))
		next = next[:0]
		for i, r := range rows {
			if s, ok := ahead[r]; ok {
				next = append(next, version.Entry{Row: r, State: conflict.Next(conflict.Believed(s, now), now, n.origin), Fate: fates[r], Position: first + int64(i)})
			}
		}
		return version.Write(ctx, tx, next)
	})
	writing.End(err)
	if err != nil {
		return fmt.Errorf("give rows a present version: %w", err)
	}
	if len(next) > 0 {
		n.log.Warn("rows were written when a clock was far ahead, and refused; they count as written now", zap.Int("rows", len(next)))
		n.wakeSenders()
	}
	return nil
}

// tooFarAhead returns those of the rows, with their states, whose versions are.
func (n *Node) tooFarAhead(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]change.State, error) {
	states, err := version.Read(ctx, db, rows)
	if err != nil {
		return nil, err
	}
	now := change.Micros(n.now())
	for r, s := range states {
		if !conflict.TooFarAhead(s.Version, now) {
			delete(states, r)
		}
	}
	return states, nil
}
