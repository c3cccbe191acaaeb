package schemafuzz

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// PlayReal has the first of two sites send a real schema's rows to the other, and then users of both change them, with one
// node killed meanwhile. The seed decides the order of syncTables. In the end both must be equal,
// by the nodes' own verify and by comparing the tables, with nothing in conflict.
func PlayReal(ctx context.Context, tb testkit.TB, real Real, seed uint64, patience time.Duration) []string {
	w := &realWorld{ctx: ctx, patience: patience, tables: real.synced(), local: real.Local}
	broker := testkit.Mosquitto(tb, testkit.MosquittoOptions{})
	order := slices.Clone(w.tables)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
	for i := range w.sites {
		w.sites[i] = newSite(tb, i, []string{siteName(1 - i)}, real.Tables, order, broker)
	}
	if err := w.sites[0].run(ctx, real.Rows); err != nil {
		return []string{err.Error()}
	}
	for _, x := range w.sites {
		x.Start()
	}
	if err := w.settle(); err != nil {
		return []string{fmt.Sprintf("the first transfer, syncTables %q: %v", order, err)}
	}
	var failed [2]error
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed[1] = w.sites[1].run(ctx, real.Work[1])
	}()
	failed[0] = w.sites[0].run(ctx, real.Work[0])
	w.sites[1].Node.Kill()
	<-done
	w.sites[1].Start()
	if err := errors.Join(failed[0], failed[1]); err != nil {
		return []string{err.Error()}
	}
	if err := w.settle(); err != nil {
		return []string{fmt.Sprintf("changes at both sites, syncTables %q: %v", order, err)}
	}
	return w.judge(tb)
}

// realWorld is two sites with a real schema.
type realWorld struct {
	ctx      context.Context
	patience time.Duration
	tables   []string // parents first
	local    []string
	sites    [2]*site
}

// run runs statements in one session, as users do.
func (x *site) run(ctx context.Context, statements []string) error {
	conn, err := x.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, q := range statements {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w\n%s", x.Name, err, q)
		}
	}
	return nil
}

// settle waits until nothing is left to do and both sites are equal.
func (w *realWorld) settle() error {
	end := time.Now().Add(w.patience)
	for {
		err := w.settled()
		if err == nil || time.Now().After(end) || w.ctx.Err() != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (w *realWorld) settled() error {
	for _, x := range w.sites {
		if err := x.atRest(); err != nil {
			return err
		}
		var open int
		if err := x.DB.Get(&open, `SELECT ? - COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, len(w.tables)); err != nil || open > 0 {
			return errors.Join(err, fmt.Errorf("%s has %d tables to send as a whole", x.Name, open))
		}
	}
	for _, t := range append(w.local, w.tables...) {
		var sums [2]struct {
			Table string  `db:"Table"`
			Sum   *uint64 `db:"Checksum"`
		}
		for i, x := range w.sites {
			if err := x.DB.Get(&sums[i], "CHECKSUM TABLE "+quoted(t)); err != nil {
				return fmt.Errorf("read %s of %s: %w", t, x.Name, err)
			}
		}
		if sums[0].Sum == nil || sums[1].Sum == nil || *sums[0].Sum != *sums[1].Sum {
			return fmt.Errorf("%s differs between the sites", t)
		}
	}
	return nil
}

// judge checks the final state once both sites are equal.
func (w *realWorld) judge(tb testkit.TB) []string {
	var wrong []string
	for _, x := range w.sites {
		var n int
		if err := x.DB.Get(&n, `SELECT COUNT(*) FROM sync_conflicts`); err != nil || n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s has %d rows in conflict, though no two wrote the same row: %v", x.Name, n, err))
		}
		if said, err := testkit.Command(tb, "verify", x.File).CombinedOutput(); err != nil {
			wrong = append(wrong, fmt.Sprintf("verify at %s: %v\n%s", x.Name, err, said))
		}
	}
	return wrong
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
