package act

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// rights are those that an act needs.
func rights(a *wire.Act) []string {
	switch a.Do {
	case wire.ActLook:
		return []string{config.Look}
	case wire.ActRetry:
		return []string{config.Retry}
	case wire.ActPause, wire.ActResume:
		return []string{config.Pause}
	case wire.ActVerify:
		if a.Repair {
			return []string{config.Verify, config.Resync}
		}
		return []string{config.Verify}
	case wire.ActResync:
		return []string{config.Resync}
	}
	return nil
}

// Allowed returns why a client may not have something done here; sealed is the ID of the key that its question was sealed
// with, "" if it came in the clear. It is pure. Promise 8.
func Allowed(cfg *config.Config, client, sealed string, a *wire.Act) error {
	needs := rights(a)
	if needs == nil {
		return fmt.Errorf("%s runs a version that does not know the action %.20q", cfg.ClientName, a.Do)
	}
	for _, right := range needs {
		if !cfg.MayAct(client, right) {
			return fmt.Errorf("%s does not let %s do this: add %q to actionsFrom.%s in its configuration, and reload it", cfg.ClientName, client, right, client)
		}
	}
	if a.Do != wire.ActLook && !cfg.Paired(client, sealed) {
		return fmt.Errorf("%s does only what is encrypted with a key that only it and %s have: add one to encryption.keys at both, with the other in its clients (mysql-sync key makes one), and reload them", cfg.ClientName, client)
	}
	for _, table := range append([]string{a.Table}, a.Tables...) {
		if table != "" && !Readable(cfg, client, table) && (a.Do != wire.ActVerify || !mayCompare(cfg, client, table)) {
			return fmt.Errorf("%s has no table %.64q that %s may read: see syncTables, receiveTables and acceptFrom there", cfg.ClientName, table, client)
		}
	}
	return nil
}

// Readable reports whether a client may see ids of rows of a table, and reasons, which may quote any column: it is sent the table,
// or may read all of it.
func Readable(cfg *config.Config, client, table string) bool {
	return has(cfg, client, table) && !cfg.Limited(client, table)
}

// mayCompare reports whether a client may hear whether a table differs from that of a remote.
func mayCompare(cfg *config.Config, client, table string) bool {
	ok, _ := cfg.MayRead(client, table)
	return ok && (has(cfg, client, table) || cfg.MayWrite(client, table))
}

// has reports whether a client is sent a table, or may read all of it.
func has(cfg *config.Config, client, table string) bool {
	ok, named := cfg.MayRead(client, table)
	return ok && (named || cfg.Syncs(table) && slices.Contains(cfg.RemoteClients, client))
}

// Timely returns why a question is not taken for a new one: its date is too far from this node's clock.
func Timely(a *wire.Act, now time.Time) error {
	asked := time.UnixMilli(a.At)
	off := now.Sub(asked)
	if off.Abs() <= wire.ActWithin {
		return nil
	}
	return fmt.Errorf("the question is dated %s, and here it is %s: more than %s apart; it was held back on its way, or one of the two clocks is wrong", asked.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime), wire.ActWithin)
}

// states of an act.
const (
	begun  = "begun"
	done   = "done"
	failed = "failed"
)

// record is an act in sync_acts.
type record struct {
	state   string
	digest  [sha256.Size]byte
	outcome []byte // the answer
}

// errOther is the answer to a question whose ID was used for something else.
var errOther = errors.New("another question had this id: ask again")

// errInterrupted is why the outcome of an act is not known.
var errInterrupted = errors.New("it was begun, but the node stopped before it could record the outcome: it may have been done; ask again, since repeating is safe")

// again returns the answer to a question that was asked before. running says that this run of the node is still at it. It is
// pure.
func (r *record) again(digest [sha256.Size]byte, running bool) (wire.Acted, error) {
	switch {
	case r.digest != digest:
		return wire.Acted{}, errOther
	case r.state == begun && running:
		return wire.Acted{Running: true}, nil
	case r.state == begun:
		return wire.Acted{Error: errInterrupted.Error()}, nil
	}
	var x wire.Acted
	err := json.Unmarshal(r.outcome, &x)
	return x, err
}

// digestOf identifies what is asked.
func digestOf(a *wire.Act) ([sha256.Size]byte, error) {
	text, err := json.Marshal(a)
	return sha256.Sum256(text), err
}
