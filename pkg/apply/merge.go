package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Resolver runs the tables' scripts. It is called while the row is locked, so it must return soon, and access neither
// the database nor the network. Promise 7.
type Resolver interface {
	// Resolve returns the resulting row, in stored form: some or all columns, or none if the row is deleted. ErrUnready
	// means that the script cannot run yet.
	Resolve(ctx context.Context, t *schema.Table, key string, local, incoming losers.Side) (columns []string, values [][]byte, err error)
}

// ErrUnready means that a script cannot run without waiting, for example because its process must be started first. The
// row's lock is released, and the row is tried again.
var ErrUnready = errors.New("the script is not ready")

// scriptTime is how long the scripts of one transaction may take before it is split in half.
const scriptTime = time.Second

// errSlow means that the scripts of a transaction took too long in total.
var errSlow = errors.New("the scripts of many conflicts take too long for one transaction")

// merge is what a script, or joining columns, made of two rows.
type merge struct {
	result Incoming
	losers []losers.Side // which of the two rows differ from the result
}

// scripts runs the scripts of one transaction.
type scripts struct {
	a     *Applier
	alone bool // the transaction has only one row
	until time.Time
}

func (a *Applier) scripts(groups []*group) *scripts {
	return &scripts{a: a, alone: len(groups) == 1 && len(groups[0].in) == 1, until: a.now().Add(scriptTime)}
}

// resolve has the script decide a planned conflict. If it fails, the plan stands: the later version wins. If it is not
// ready, nothing is decided.
func (x *scripts) resolve(ctx context.Context, t *schema.Table, s *Step, l Local) error {
	if !x.alone && x.a.now().After(x.until) {
		return errSlow
	}
	g := group{table: t}
	var ours [][]byte
	if l.Exists {
		ours = l.Values
	}
	theirs, err := overlay(t, ours, s.in)
	row := theirs
	if err == nil && !sameRow(t, ours, theirs) {
		row, err = x.a.merged(ctx, t, s, g.side(s.local.Version, ours), g.side(s.came.Version, theirs))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrUnready) {
		return err
	}
	if err != nil {
		x.a.log.Warn("script failed; the later version wins", zap.String("table", t.Name), zap.String("id", change.Shown(s.in.Key)), zap.Error(err))
		s.policy = conflict.LastWriteWins
		return nil
	}
	s.take(t, ours, theirs, row)
	return nil
}

// overlay returns the whole row that results from an incoming change; nil is a deleted one.
func overlay(t *schema.Table, ours [][]byte, in *Incoming) ([][]byte, error) {
	if in.Deleted() {
		return nil, nil
	}
	if ours == nil && len(in.Columns) < len(t.Columns) {
		return nil, errors.New("received only some columns of a row that is deleted here")
	}
	row := make([][]byte, len(t.Columns))
	copy(row, ours)
	for i, name := range in.Columns {
		row[t.Index(name)] = in.Values[i]
	}
	return row, nil
}

// merged returns the whole row that the script makes; nil is a deleted one. Columns that it leaves out are taken from the
// later version.
func (a *Applier) merged(ctx context.Context, t *schema.Table, s *Step, ours, theirs losers.Side) ([][]byte, error) {
	columns, values, err := a.Resolver.Resolve(ctx, t, s.in.Key, ours, theirs)
	if err != nil || columns == nil {
		return nil, err
	}
	earlier, later := ours.Values, theirs.Values
	if ours.Compare(theirs.Version) > 0 {
		earlier, later = later, earlier
	}
	if later == nil {
		later = earlier
	}
	row := slices.Clone(later)
	for i, name := range columns {
		at := t.Index(name)
		if at < 0 {
			return nil, fmt.Errorf("table %s has no column %.64q that can be written", t.Name, name)
		}
		row[at] = values[i]
	}
	key, err := t.KeyOf(t.Names(), row)
	if err == nil && key != s.in.Key && key != s.key {
		err = errors.New("resolve must not change the key")
	}
	if err == nil {
		_, err = a.misfit(t, columnsOf(t, t.Names()), row)
	}
	return row, err
}

// take makes the step write the row, or nothing if that is the row here.
func (s *Step) take(t *schema.Table, ours, theirs, row [][]byte) {
	g := group{table: t}
	s.State = conflict.Merge(s.local, s.came, conflict.Text(row))
	s.Decision = conflict.Win
	s.passOn = true
	if sameRow(t, ours, row) {
		s.Decision = conflict.Lose
	}
	s.merge = &merge{result: Incoming{Change: change.Change{Row: s.in.Row, State: s.State}, From: s.in.From, Dated: s.in.Dated}}
	if row != nil {
		s.merge.result.Columns, s.merge.result.Values = t.Names(), row
	}
	if !sameRow(t, ours, row) {
		s.merge.losers = append(s.merge.losers, g.side(s.local.Version, ours))
	}
	if !sameRow(t, theirs, row) {
		s.merge.losers = append(s.merge.losers, g.side(s.came.Version, theirs))
	}
	s.in = &s.merge.result
}

// sameRow compares whole rows; nil is a deleted one.
func sameRow(t *schema.Table, a, b [][]byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	for i := range t.Columns {
		if !t.Columns[i].Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
