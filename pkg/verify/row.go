package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

const (
	sitesAtOnce = 16               // remotes that are asked about a row at a time
	largeRow    = 1 << 20          // bytes, from which on only one is: each reads the row here. Promise 10
	rowTime     = 10 * time.Second // for a remote's answer: a person waits for it
)

// Row returns a row as it is here and at each remote, by its id. A remote that is not there, or does not answer, has an
// error of its own.
func (vf *Verifier) Row(ctx context.Context, table, id string) (*status.Row, error) {
	t, err := vf.Tables.Fresh(ctx, table)
	if err != nil {
		return nil, err
	}
	key, err := t.ParseID(id)
	if err != nil {
		return nil, status.Kind(status.ErrRequest, fmt.Errorf("%.200q is not the id of a row of %s: %w", id, t.Name, err))
	}
	rows := []change.Row{{Table: t.Name, Key: key}}
	if err := vf.Tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	x := &status.Row{Client: vf.Node.ClientName, Table: t.Name, ID: vf.Tables.ID(ctx, rows[0]), Key: rows[0], Sites: make([]status.RowSite, len(vf.Node.RemoteClients))}
	if x.Here, err = vf.here(ctx, t, rows); err != nil {
		return nil, err
	}
	var g errgroup.Group
	sizes, err := snapshot.Sizes(ctx, vf.DB, t, t.Names(), [][]byte{[]byte(key)})
	if err != nil {
		return nil, err
	}
	if g.SetLimit(sitesAtOnce); sizes[key] >= largeRow {
		g.SetLimit(1)
	}
	for i, remote := range vf.Node.RemoteClients {
		g.Go(func() error {
			s := &x.Sites[i]
			*s = status.RowSite{Client: remote}
			if err := vf.rowAt(ctx, t, rows[0], s); err != nil {
				*s = status.RowSite{Client: remote, Error: err.Error()}
			}
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	return x, ctx.Err()
}

// here returns a row as it is in this node's database.
func (vf *Verifier) here(ctx context.Context, t *schema.Table, rows []change.Row) (h status.RowHere, err error) {
	row := rows[0]
	uncaptured, err := capture.Uncaptured(ctx, vf.DB, vf.Source, t.Name, []string{row.Key})
	if err != nil {
		return h, err
	}
	found, err := snapshot.Values(ctx, vf.DB, t, t.Names(), [][]byte{[]byte(row.Key)}, func(_ int, stored []byte) []byte { return cut(stored) })
	if err != nil {
		return h, err
	}
	states, err := version.Read(ctx, vf.DB, rows)
	if err != nil {
		return h, err
	}
	from, err := version.From(ctx, vf.DB, rows)
	if err != nil {
		return h, err
	}
	fates, err := version.Fates(ctx, vf.DB, rows)
	if err != nil {
		return h, err
	}
	h = status.RowHere{Written: status.WrittenAs(states[row].Version), From: from[row], Uncaptured: len(uncaptured[row.Key])}
	values, here := found[row.Key]
	switch {
	case here:
		h.Is = "there"
		e := make(value.Entity, len(values))
		for i, stored := range values {
			e[i].Name = t.Columns[i].Name
			if s := text(stored); s != nil {
				e[i].Value = *s
			}
		}
		h.Row, err = e.AppendJSON(nil)
	case fates[row] == version.Withdrawn:
		h.Is = "withdrawn"
	case fates[row] == version.There:
		h.Is = "vanished"
	case h.Written != nil:
		h.Is = "deleted"
	default:
		h.Is = "unknown"
	}
	return h, err
}

// rowAt looks at a row at a remote.
func (vf *Verifier) rowAt(ctx context.Context, t *schema.Table, row change.Row, s *status.RowSite) error {
	switch {
	case !vf.Mesh.Online(s.Client):
		return errOffline
	case !vf.Mesh.SpeaksBatches(s.Client):
		return errVersion1
	}
	ctx, cancel := context.WithTimeout(ctx, rowTime)
	defer cancel()
	others, err := vf.notTheirs(ctx, vf.DB, s.Client, t, []change.Row{row})
	if err != nil {
		return err
	}
	s.NotIts = others[row.Key]
	there := remoteTable{name: t.Name, types: asDocuments(t, make([]string, len(t.Columns)))}
	list, err := vf.look(ctx, s.Client, t, [][]byte{[]byte(row.Key)}, &there)
	if errors.Is(err, errNoAnswer) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errSilent
	} else if err != nil {
		return err
	}
	x := &list[0]
	switch s.Is = x.Verdict(); s.Is {
	case Absent:
		s.Is = "nowhere"
	case Alike:
		s.Is = "same"
	}
	s.Pending = x.Pending
	s.Written = status.WrittenAs(change.Version{Time: x.theirs.Time, Origin: x.theirs.Origin})
	if len(x.ours) == len(x.theirs.Values) && x.Way == "" {
		for _, i := range differing(t, x.ours, x.theirs.Values, there.types, x.theirs.Untold) {
			s.Columns = append(s.Columns, status.Differs{Column: t.Columns[i].Name, Here: text(x.ours[i]), There: text(x.theirs.Values[i])})
		}
	}
	return nil
}

// text is a stored value as people read it; nil is NULL.
func text(stored []byte) *string {
	if stored == nil {
		return nil
	}
	s := string(stored)
	if !utf8.Valid(stored) {
		s = "0x" + hex.EncodeToString(stored)
	}
	return &s
}

// cutAt is how many bytes of a value are shown.
const cutAt = 1000

// cut shortens a long value, and says so.
func cut(stored []byte) []byte {
	if len(stored) <= cutAt {
		return stored
	}
	end := cutAt
	if utf8.Valid(stored) {
		for !utf8.RuneStart(stored[end]) {
			end--
		}
		return fmt.Appendf(stored[:end:end], "… (%d bytes)", len(stored))
	}
	return fmt.Appendf(nil, "0x%x… (%d bytes)", stored[:cutAt/2], len(stored))
}
