package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// trialMost bounds how many messages, statements and lines of a script are kept.
const trialMost = 100

// TrialRequest names a row of the node's database and a direction.
type TrialRequest struct {
	Table, ID string // the id as sync_status shows it
	Remote    string
	Receive   bool // from the remote, else to it
	Delete    bool // as if the row had been deleted
}

// Trial is what a table's transformer makes of a row. Nothing is sent, and nothing written.
type Trial struct {
	Transformed bool         // the table has a transformer
	Before      value.Entity // nil for a delete
	After       value.Entity // nil: see Sent and HeldBack
	Sent        bool         // the row or, with After nil, a delete goes out; or, received, is written
	As          string       // its id then
	Held        string       // the id under which the remote has the row now; empty: none known
	MayHold     string       // the id under which it may have it since before the node ran a transformer for the table; empty: not
	HeldBack    bool         // the transformer returned null
	Own         bool         // the remote wrote the row last itself: held back, it stays there
	Published   []Published  // messages that the script would have published
	Writes      []string     // statements of the script that were not run because they write
	Log         []string     // what the script logged
}

// Published is a message that a script would have published.
type Published struct {
	Topic   string
	Message []byte
	QoS     byte
	Retain  bool
}

// Try runs a table's transformer on a real row, as the node does when it sends or receives it. The script can read the
// database; its writing statements are refused by the server and recorded, as are its messages. The error is the
// script's, with its line, or says why it was not run; the Trial holds what was recorded until then.
func Try(ctx context.Context, cfg *config.Config, db *mysqldb.DB, r TrialRequest) (*Trial, error) {
	trial := &Trial{}
	zone, err := cfg.Zone()
	if err != nil {
		return trial, err
	}
	guests, err := mysqldb.OpenGuests(cfg.TransformerMySQL())
	if err != nil {
		return trial, err
	}
	defer guests.Close()

	core, said := observer.New(zap.DebugLevel)
	log, notes := zap.New(core), &trialNotes{trial: trial, guests: guests}
	scripts := transform.New(log, notes, notes, transform.Of(cfg))
	defer scripts.Close()
	if err := scripts.Load([]string{r.Table}); err != nil {
		return trial, err
	}
	said.TakeAll() // about other files
	trial.Transformed = scripts.Has(r.Table)
	tables := schema.NewTables(db)
	sent := outbox.New(db, tables, nil)
	n := &tried{
		noted:    sent.Noted,
		Renderer: Renderer{Log: log, Client: cfg.ClientName, DB: db, Tables: tables, Sent: sent, Transformers: scripts, Zone: zone},
		decoder:  receive.Decoder{Self: cfg.ClientName, Rights: cfg, MaxRow: cfg.LargestRow(), Zone: zone, Now: time.Now, Tables: receive.Own{Tables: tables}, Transformers: scripts},
		lossy:    cfg.Lossy,
	}
	err = n.try(ctx, trial, r)
	for _, e := range said.TakeAll() {
		if text, ok := e.ContextMap()["text"].(string); ok && len(trial.Log) < trialMost {
			trial.Log = append(trial.Log, e.Level.String()+": "+text)
		} else if e.Level >= zap.WarnLevel && len(trial.Log) < trialMost {
			trial.Log = append(trial.Log, fmt.Sprintf("%s: %s: %v", e.Level, e.Message, e.ContextMap()["error"]))
		}
	}
	return trial, err
}

// tried is the way of a row, both out and in.
type tried struct {
	Renderer
	decoder receive.Decoder
	noted   func(ctx context.Context, remote, table string) (bool, error)
	lossy   func(table, column string) bool
}

// try fills in a Trial.
func (n *tried) try(ctx context.Context, trial *Trial, r TrialRequest) error {
	t, err := n.Tables.Table(ctx, r.Table)
	if err != nil {
		return err
	}
	key, err := t.ParseID(r.ID)
	if err != nil {
		return fmt.Errorf("the id %q: %w", r.ID, err)
	}
	rows := []change.Row{{Table: t.Name, Key: key}}
	if err := n.Tables.Identify(ctx, rows); err != nil {
		return err
	}
	item := outbox.Item{Row: rows[0]}
	var values [][]byte
	if !r.Delete {
		var d Rendering
		found, _, err := n.readRows(ctx, t, []outbox.Item{item}, &d)
		if err != nil {
			return err
		}
		var here bool
		if values, here = found[key]; !here {
			return fmt.Errorf("table %s has no row with the id %s", t.Name, r.ID)
		}
		trial.Before = receive.Decode(t, t.Names(), values, n.Zone)
	}
	if r.Receive {
		return n.tryReceive(ctx, trial, t, r)
	}
	held, err := n.Sent.SentAs(ctx, r.Remote, t.Name, []change.Row{item.Row})
	if err != nil && mysqldb.Number(err) != noSuchTable { // the node has never run
		return err
	}
	trial.Held = held[item.Row]
	states, err := version.Read(ctx, n.DB, []change.Row{item.Row})
	if err != nil && mysqldb.Number(err) != noSuchTable {
		return err
	}
	if trial.Transformed && trial.Held == "" && values != nil && !states[item.Row].WrittenBy(r.Remote) {
		noted, err := n.noted(ctx, r.Remote, t.Name)
		if err != nil && mysqldb.Number(err) != noSuchTable {
			return err
		}
		if !noted {
			trial.MayHold = r.ID // what Note will record before the node sends the first row
		}
	}
	o := n.outgoing(item, nil)
	if values == nil {
		trial.Sent, err = n.transformRow(ctx, &o, Target{Remote: r.Remote}, t, nil, trial.Held)
	} else {
		// As if the remote did not have it: then the row itself comes out, not what deletes an older one.
		trial.Sent, err = n.transformRow(ctx, &o, Target{Remote: r.Remote}, t, values, "")
		if err == nil && !trial.Sent {
			o = n.outgoing(item, states)
			trial.HeldBack, trial.Own = true, o.State.WrittenBy(r.Remote)
			call := transform.Call{Table: t.Name, ID: r.ID, Source: n.Client, Target: r.Remote}
			trial.Sent, err = n.takeAway(ctx, &o, Target{Remote: r.Remote}, t, call, cmp.Or(trial.Held, trial.MayHold))
		}
	}
	trial.After, trial.As = n.withKey(t, &o), o.ID
	return err
}

// withKey returns what goes out as the transformer made it: in version 1, which the
// entity is meant for, the key is text.
func (n *tried) withKey(t *schema.Table, o *Outgoing) value.Entity {
	e := slices.Clone(o.Entity)
	for _, k := range t.Key {
		c := &t.Columns[k]
		at := slices.Index(o.Columns, c.Name)
		for i := range e {
			if at >= 0 && e[i].Name == c.Name {
				e[i].Value = c.Decode(o.Values[at], n.Zone)
			}
		}
	}
	return e
}

// noSuchTable is the server's error.
const noSuchTable = 1146

// tryReceive takes the row for one that the remote sends.
func (n *tried) tryReceive(ctx context.Context, trial *Trial, t *schema.Table, r TrialRequest) error {
	if r.Delete {
		key, err := n.decoder.DeletedKey(ctx, t, r.Remote, r.ID)
		if err != nil {
			return dropped(err)
		}
		trial.Sent = true
		trial.As, err = t.ID(key)
		return err
	}
	in, err := n.decoder.Encode(ctx, t, apply.Incoming{From: r.Remote}, r.ID, trial.Before)
	if err != nil {
		return dropped(err)
	}
	trial.Sent, trial.After = true, receive.Decode(t, in.Columns, in.Values, n.Zone)
	if trial.As, err = t.ID(in.Key); err != nil {
		return err
	}
	return apply.Misfit(t, in.Columns, in.Values, n.lossy)
}

// dropped returns nil for what is not an error: that the row is not for this node.
func dropped(err error) error {
	if errors.Is(err, transform.ErrDropped) {
		return nil
	}
	return err
}

// trialNotes is the Querier and the Publisher of a Trial.
type trialNotes struct {
	mu     sync.Mutex
	trial  *Trial
	guests *mysqldb.Guests
}

// Query runs a statement that only reads, and notes one that writes.
func (t *trialNotes) Query(ctx context.Context, file, query string) ([]value.Entity, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows, writes, err := OnlyReading{t.guests}.query(ctx, file, query)
	if writes && len(t.trial.Writes) < trialMost {
		t.trial.Writes = append(t.trial.Writes, query)
	}
	return rows, err
}

// Publish notes a message.
func (t *trialNotes) Publish(_ context.Context, topic string, message []byte, qos byte, retain bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.trial.Published) < trialMost {
		t.trial.Published = append(t.trial.Published, Published{topic, message, qos, retain})
	}
	return nil
}
