package lead

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// Document is a profile's latest version, and the one that was released to all its sites.
type Document struct {
	Name string
	Edition
	Released Edition // its version is 0 if there is none
}

// Edition is a signed version of a profile.
type Edition struct {
	Version profile.Version
	Digest  profile.Digest
	Signed  []byte
}

// Documents returns the profiles of a configuration, signed, in their order. A profile whose content is not that of its
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
			v, err := versionsOf(ctx, tx, l, now)
			if err != nil {
				return err
			}
			d := Document{Name: l.Name}
			if d.Edition, err = sign(k, cfg.ClientName, l.Name, v.latest, l.Content); err == nil && v.released != 0 {
				d.Released, err = sign(k, cfg.ClientName, l.Name, v.released, v.content)
			}
			if err != nil {
				return fmt.Errorf("lead.%s: %w", l.Name, err)
			}
			list = append(list, d)
		}
		return nil
	})
	return list, key, err
}

func sign(k profile.PrivateKey, hub, name string, v profile.Version, content profile.Content) (Edition, error) {
	signed, err := k.Sign(profile.Profile{Hub: hub, Name: name, Version: v, Content: content})
	return Edition{v, profile.DigestOf(signed), signed}, err
}

// versions are what a profile's sites are to have.
type versions struct {
	latest, released profile.Version
	content          profile.Content // of the released one
}

// versionsOf returns the versions of a profile. Without sites that try a new one first, it is released at once; so is one that has
// the content of the one before, as after Renew.
func versionsOf(ctx context.Context, tx mysqldb.Tx, l *config.Lead, at time.Time) (v versions, err error) {
	now, digest, err := contentOf(l)
	if err != nil {
		return v, err
	}
	var known []byte
	var kept content
	var released sql.Null[profile.Version]
	err = mysqldb.Each(ctx, tx, `SELECT version, digest, released, released_keys, released_scripts FROM sync_leads WHERE profile = ? FOR UPDATE`, []any{l.Name}, func(r *sql.Rows) error {
		return r.Scan(&v.latest, &known, &released, &kept.keys, &kept.scripts)
	})
	if err != nil {
		return v, fmt.Errorf("read the versions of profile %s: %w", l.Name, err)
	}
	before := v.latest
	changed := string(known) != string(digest)
	if changed {
		v.latest = max(v.latest+1, profile.Version(at.Unix()))
	}
	v.released = released.V
	old := !released.Valid && !changed // all have it: it was made before there were stages
	if len(l.First) == 0 || string(kept.keys) == string(now.keys) && string(kept.scripts) == string(now.scripts) || old {
		v.released, kept = v.latest, now
	}
	if v.latest != before || v.released != released.V || !released.Valid {
		_, err = tx.ExecContext(ctx, `REPLACE INTO sync_leads (profile, version, digest, released, released_keys, released_scripts) VALUES (?, ?, ?, ?, ?, ?)`,
			l.Name, int64(v.latest), digest, int64(v.released), kept.keys, kept.scripts)
	}
	if err == nil && v.released != 0 {
		v.content, err = kept.read()
	}
	if err != nil {
		return v, fmt.Errorf("keep the versions of profile %s: %w", l.Name, err)
	}
	return v, nil
}

// content is what a profile consists of, as text.
type content struct{ keys, scripts []byte } // scripts: nil: none

// contentOf returns a profile's content, and the digest by which it is known: without scripts, that of its keys.
func contentOf(l *config.Lead) (c content, digest []byte, err error) {
	if c.keys, err = json.Marshal(l.Keys); err == nil && len(l.Scripts) > 0 {
		c.scripts, err = json.Marshal(l.Scripts)
	}
	sum := sha256.Sum256(slices.Concat(c.keys, c.scripts))
	return c, sum[:], err
}

// read is the inverse of contentOf.
func (c content) read() (p profile.Content, err error) {
	if err = json.Unmarshal(c.keys, &p.Keys); err == nil && c.scripts != nil {
		err = json.Unmarshal(c.scripts, &p.Scripts)
	}
	return p, err
}

// ErrNoProfile says that a profile was never led.
var ErrNoProfile = errors.New("no version of this profile was made: start the node with it once")

// Renew has the content of a profile get a new version at the node's next start or reload, although it has not changed:
// sites that have a later version than a restored hub take it back. It will be above reported, which may be ahead of the
// time, if the hub's clock was; see Profile.Highest.
func Renew(ctx context.Context, db *mysqldb.DB, name string, reported profile.Version) error {
	r, err := db.ExecContext(ctx, `UPDATE sync_leads SET digest = UNHEX(REPEAT('00', 32)), version = GREATEST(version, ?) WHERE profile = ?`, int64(reported), name)
	if err != nil {
		return fmt.Errorf("write into sync_leads: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNoProfile)
	}
	return nil
}

// Why a version is not released.
var (
	ErrUntried  = errors.New("the profile in the file is not the version that its first sites try: reload the node, and let them try it")
	ErrReleased = errors.New("its latest version is released already")
)

// Release has all sites of a profile get its latest version from the node's next start or reload on, and returns that.
func Release(ctx context.Context, db *mysqldb.DB, l *config.Lead) (v profile.Version, err error) {
	now, digest, err := contentOf(l)
	if err != nil {
		return 0, err
	}
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		var known []byte
		var released sql.Null[profile.Version]
		err := mysqldb.Each(ctx, tx, `SELECT version, digest, released FROM sync_leads WHERE profile = ? FOR UPDATE`, []any{l.Name}, func(r *sql.Rows) error {
			return r.Scan(&v, &known, &released)
		})
		switch {
		case err != nil:
			return fmt.Errorf("read sync_leads: %w", err)
		case known == nil:
			return ErrNoProfile
		case string(known) != string(digest):
			return ErrUntried
		case released.V == v:
			return ErrReleased
		}
		_, err = tx.ExecContext(ctx, `UPDATE sync_leads SET released = version, released_keys = ?, released_scripts = ? WHERE profile = ?`, now.keys, now.scripts, l.Name)
		return err
	})
	return v, err
}
