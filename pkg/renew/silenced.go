package renew

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// silence says what it means that a remote holds a later write of a row.
type silence uint8

const (
	late    silence = iota // the node knows of that write: what was sent came late
	untrue                 // no one made that write: someone claims to have it, or to know it
	unknown                // it may have been made, and the node does not know it
)

// heardOf judges what a remote holds. held is the node's state of the row, own the origin of its writes, and wrote the
// time up to which it may have written the row. A later write is a lie. It may have made and forgotten one up to then,
// if its database, or a table, was restored from a backup. A remote may claim at most so far ahead, in µs.
func heardOf(by wire.Held, held change.State, own string, wrote, most int64) silence {
	switch {
	case held.Version.IsZero() || held.Latest(by.Origin) >= by.Time || held.Version.Origin != by.Origin:
		return late
	case by.Origin == own && by.Time > wrote && by.Time <= most:
		return untrue
	}
	return unknown
}

// spoken is what was written again for a remote since a time.
type spoken struct {
	since time.Time
	rows  int
}

// spokenTo returns what was written again for a remote. It belongs to the remote's sender.
func (w *Writer) spokenTo(remote string) *spoken {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.spoken == nil {
		w.spoken = map[string]*spoken{}
	}
	s := w.spoken[remote]
	if s == nil {
		s = &spoken{}
		w.spoken[remote] = s
	}
	return s
}

// againMost is how many rows per minute are written again because of what a remote says. It may make up that it holds
// later writes, each time a new one, and each costs a write here and a message to all remotes. Promise 10.
const againMost = 1000

// Denied examines rows that a remote did not write. Those that someone has silenced by a lie are written again
// unchanged, later than the lie: they go out once more. Others that the node cannot explain are refused. The rest was
// delivered late. So no write that counts as known where it is not is taken for delivered. Promises 1 and 4.
func (w *Writer) Denied(ctx context.Context, remote string, list []deliver.Held) (done []outbox.Sent, refused []render.Refusal, err error) {
	rows := make([]change.Row, len(list))
	for i := range list {
		rows[i] = list[i].Row
	}
	states, err := version.Read(ctx, w.DB, rows)
	if err != nil {
		return nil, nil, err
	}
	spoken := w.spokenTo(remote)
	now, started := change.Micros(w.Now()), change.Micros(w.Started)
	after := map[change.Row]int64{}
	if w.Now().Sub(spoken.since).Abs() >= time.Minute {
		spoken.since, spoken.rows = w.Now(), 0
	}
	for _, x := range list {
		most := now
		if w.MayWrite(remote, x.Table) { // it might as well write the row itself
			most += conflict.MaxAhead.Microseconds()
		}
		of := heardOf(x.By, states[x.Row], w.Origin, max(started, w.Written(x.Row)), most)
		if of == untrue && spoken.rows+len(after) >= againMost {
			of = unknown // it is tried again later
		}
		switch of {
		case late:
			done = append(done, x.Sent)
		case untrue:
			after[x.Row] = max(after[x.Row], x.By.Time)
			if x.Marked {
				done = append(done, x.Sent)
			}
		case unknown:
			of := change.Version{Origin: x.By.Origin}.Author()
			refused = append(refused, render.Refusal{Item: x.Item, Reject: wire.Reject{Retry: of != w.Client || x.By.Time > started, Message: fmt.Sprintf(
				"%s holds a later write of %s, of %s or after, than this node knows, and did not take the row", remote, of, time.UnixMicro(x.By.Time).UTC().Format(time.DateTime))}})
		}
	}
	if len(after) == 0 {
		return done, refused, nil
	}
	rows = rows[:0]
	for r := range after {
		rows = append(rows, r)
	}
	again, err := w.renew(ctx, rows, func(r change.Row, held change.State, now int64) (change.State, bool) {
		return conflict.Next(held, max(now, after[r]+1), w.Origin), held.Version.Origin == w.Origin && held.Version.Time <= after[r]
	})
	if len(again) > 0 {
		level := zap.WarnLevel
		if spoken.rows > 0 {
			level = zap.DebugLevel // it was logged within this minute
		}
		spoken.rows += len(again)
		w.Log.Log(level, "the remote skipped rows because someone wrote in this node's name, or claims to know writes it never made; sending them again as later writes",
			zap.String("remote", remote), zap.String("table", again[0].Table), zap.String("id", change.Shown(again[0].Key)), zap.Int("rows", len(again)))
	}
	return done, refused, err
}
