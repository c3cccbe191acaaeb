package lead

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// nodeKey is where sync_node has the private key.
const nodeKey = "leadKey"

// Key returns the key with which the node of a database signs. The first call makes it.
func Key(ctx context.Context, tx mysqldb.Tx) (profile.PrivateKey, error) {
	fresh, err := profile.NewPrivateKey()
	if err != nil {
		return fresh, err
	}
	var text string
	if _, err = tx.ExecContext(ctx, `INSERT IGNORE INTO sync_node (name, value) VALUES (?, ?)`, nodeKey, fresh.Reveal()); err == nil {
		err = mysqldb.Each(ctx, tx, `SELECT value FROM sync_node WHERE name = ? FOR UPDATE`, []any{nodeKey}, func(r *sql.Rows) error { return r.Scan(&text) })
	}
	if err != nil {
		return fresh, fmt.Errorf("read %s of sync_node: %w", nodeKey, err)
	}
	return profile.ParsePrivateKey(text)
}

// Document is a signed version of a profile.
type Document struct {
	Name    string
	Version profile.Version
	Digest  profile.Digest
	Signed  []byte
}

// Documents returns the profiles of a configuration, signed, in their order. A profile whose keys are not those of its
// latest version gets another version, which is in the database before anyone sees it.
func Documents(ctx context.Context, db *mysqldb.DB, cfg *config.Config, now time.Time) (list []Document, key profile.PublicKey, err error) {
	if len(cfg.Leads) == 0 {
		return nil, key, nil
	}
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		list = nil
		k, err := Key(ctx, tx)
		if err != nil {
			return err
		}
		key = k.Public()
		for i := range cfg.Leads {
			l := &cfg.Leads[i]
			version, err := versionOf(ctx, tx, l, now)
			if err != nil {
				return err
			}
			signed, err := k.Sign(profile.Profile{Hub: cfg.ClientName, Name: l.Name, Version: version, Keys: l.Keys})
			if err != nil {
				return fmt.Errorf("lead.%s: %w", l.Name, err)
			}
			list = append(list, Document{l.Name, version, profile.DigestOf(signed), signed})
		}
		return nil
	})
	return list, key, err
}

// versionOf returns the version of a profile's keys.
func versionOf(ctx context.Context, tx mysqldb.Tx, l *config.Lead, now time.Time) (v profile.Version, err error) {
	text, err := json.Marshal(l.Keys)
	if err != nil {
		return 0, err
	}
	digest := sha256.Sum256(text)
	var known []byte
	err = mysqldb.Each(ctx, tx, `SELECT version, digest FROM sync_leads WHERE profile = ? FOR UPDATE`, []any{l.Name}, func(r *sql.Rows) error { return r.Scan(&v, &known) })
	if err == nil && string(known) != string(digest[:]) {
		v = max(v+1, profile.Version(now.Unix()))
		_, err = tx.ExecContext(ctx, `REPLACE INTO sync_leads (profile, version, digest) VALUES (?, ?, ?)`, l.Name, int64(v), digest[:])
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of profile %s: %w", l.Name, err)
	}
	return v, nil
}

// ErrNoProfile says that a profile was never led.
var ErrNoProfile = errors.New("no version of this profile was made: start the node with it once")

// Renew has the content of a profile get a new version at the node's next start or reload, although it has not changed:
// sites that have a later version than a restored hub take it back.
func Renew(ctx context.Context, db *mysqldb.DB, name string) error {
	r, err := db.ExecContext(ctx, `UPDATE sync_leads SET digest = UNHEX(REPEAT('00', 32)) WHERE profile = ?`, name)
	if err != nil {
		return fmt.Errorf("write into sync_leads: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNoProfile)
	}
	return nil
}
