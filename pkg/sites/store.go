package sites

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// graceful is for how long requests for an invitation that is over are still answered, to tell the site why.
const graceful = 24 * time.Hour

// Of returns a configuration with the sites that have joined according to its database. With an error, none have, and those
// that the node knows as dismissed are dismissed.
func Of(ctx context.Context, cfg *config.Config) (*config.Config, error) {
	if !cfg.Invites() {
		return cfg.With(config.Joined{}), nil
	}
	db, err := mysqldb.Connect(ctx, cfg.MySQL)
	if err != nil {
		gone, unread := readDismissals(File(cfg))
		return cfg.With(config.Joined{Dismissed: gone.clients()}), errors.Join(err, unread)
	}
	defer db.Close()
	j, err := Joined(ctx, db, cfg)
	return cfg.With(j), err
}

// Joined returns the sites that were let in or dismissed, and the invitations that have a login; none if the node never
// ran here. A site that the node knows to be dismissed is not in, whatever an older database says.
func Joined(ctx context.Context, db *mysqldb.DB, cfg *config.Config) (j config.Joined, err error) {
	gone, err := readDismissals(File(cfg))
	if err != nil {
		return j, err
	}
	err = mysqldb.Each(ctx, db, `SELECT client, invitation, pair_key, login_hash FROM sync_sites WHERE state = 'in' AND pair_key IS NOT NULL ORDER BY client`, nil, func(r *sql.Rows) error {
		var s config.Site
		var invitation string
		var key, login []byte
		if err := r.Scan(&s.Client, &invitation, &key, &login); err != nil {
			return err
		}
		if gone.has(s.Client, invitation) {
			return nil
		}
		if len(key) != len(s.Key) {
			return fmt.Errorf("the key of %s is damaged", s.Client)
		}
		copy(s.Key[:], key)
		copy(s.Login[:], login)
		j.Sites = append(j.Sites, s)
		return nil
	})
	if err == nil {
		err = mysqldb.Each(ctx, db, `SELECT client FROM sync_sites WHERE state = 'dismissed' ORDER BY client`, nil, func(r *sql.Rows) error {
			var client string
			err := r.Scan(&client)
			j.Dismissed = append(j.Dismissed, client)
			return err
		})
	}
	for _, client := range gone.clients() { // of an older database, which has them in or does not know them
		if !slices.Contains(j.Dismissed, client) && !slices.ContainsFunc(j.Sites, func(s config.Site) bool { return s.Client == client }) {
			j.Dismissed = append(j.Dismissed, client)
		}
	}
	slices.Sort(j.Dismissed)
	if err == nil {
		err = mysqldb.Each(ctx, db, `SELECT id, login_hash FROM sync_invitations
			WHERE login_hash IS NOT NULL AND withdrawn_at IS NULL AND until_at > UTC_TIMESTAMP(6) - INTERVAL ? SECOND ORDER BY id`, []any{int(graceful.Seconds())}, func(r *sql.Rows) error {
			var i config.Invitation
			var login []byte
			err := r.Scan(&i.ID, &login)
			copy(i.Login[:], login)
			j.Invitations = append(j.Invitations, i)
			return err
		})
	}
	if mysqldb.NoTable(err) {
		return config.Joined{Dismissed: gone.clients()}, nil
	}
	if err != nil {
		return config.Joined{Dismissed: gone.clients()}, fmt.Errorf("read which sites have joined: %w", err)
	}
	return j, nil
}

// Ask describes an invitation to be made.
type Ask struct {
	Site string // a name or a pattern
	For  time.Duration
	Uses int
	Asks bool // a person must let each site in
	Made bool // the embedded broker gives the invitation, and each site, a login
}

// Invite makes an invitation, and returns the parts of its token that it determines. The rest describes the broker.
func Invite(ctx context.Context, db *mysqldb.DB, a Ask) (t join.Token, err error) {
	key, err := join.NewPrivateKey()
	if err != nil {
		return t, err
	}
	var id [8]byte
	var password [32]byte
	_, err = rand.Read(id[:])
	if err == nil {
		_, err = rand.Read(password[:])
	}
	if err == nil {
		t.Secret, err = seal.NewSecret(rand.Reader)
	}
	if err != nil {
		return t, err
	}
	t.ID, t.Site, t.Uses, t.HubKey, t.Login = hex.EncodeToString(id[:]), a.Site, a.Uses, key.Public(), join.Given
	hash := secretHash(t.Secret)
	var login any
	if a.Made {
		t.Username, t.Password, t.Login = config.GuestName(t.ID), join.Password(base64.RawURLEncoding.EncodeToString(password[:])), join.Made
		sum := sha256.Sum256([]byte(t.Password))
		login = sum[:]
	}
	_, err = db.ExecContext(ctx, `INSERT INTO sync_invitations (id, site, secret_hash, login_hash, hub_key, asks, uses, made_at, until_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? SECOND)`, t.ID, a.Site, hash[:], login, key.Reveal(), a.Asks, a.Uses, int64(a.For.Seconds()))
	if err != nil {
		return t, fmt.Errorf("write into sync_invitations: %w", err)
	}
	var until int64
	if err := db.QueryRowContext(ctx, `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', until_at) FROM sync_invitations WHERE id = ?`, t.ID).Scan(&until); err != nil {
		return t, fmt.Errorf("read sync_invitations: %w", err)
	}
	t.Until = time.UnixMicro(until).UTC().Truncate(time.Second)
	return t, nil
}

// invitation returns an invitation, or nil.
func invitation(ctx context.Context, db mysqldb.Queryer, id, locking string) (*Invitation, error) {
	list, err := invitations(ctx, db, ` WHERE id = ?`+locking, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func invitations(ctx context.Context, db mysqldb.Queryer, where string, args ...any) (list []Invitation, err error) {
	err = mysqldb.Each(ctx, db, `SELECT id, site, secret_hash, login_hash, hub_key, asks, uses, used, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', made_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', until_at), withdrawn_at IS NOT NULL FROM sync_invitations`+where, args, func(r *sql.Rows) error {
		var i Invitation
		var secret, login []byte
		var made, until int64
		if err := r.Scan(&i.ID, &i.Site, &secret, &login, &i.HubKey, &i.Asks, &i.Uses, &i.Used, &made, &until, &i.Withdrawn); err != nil {
			return err
		}
		copy(i.SecretHash[:], secret)
		copy(i.LoginHash[:], login)
		i.Made, i.Until = time.UnixMicro(made), time.UnixMicro(until)
		list = append(list, i)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_invitations: %w", err)
	}
	return list, nil
}

func sites(ctx context.Context, db mysqldb.Queryer, where string, args ...any) (list []Site, err error) {
	err = mysqldb.Each(ctx, db, `SELECT client, state, invitation, site_key, words, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', asked_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', joined_at), TIMESTAMPDIFF(MICROSECOND, '1970-01-01', dismissed_at) FROM sync_sites`+where, args, func(r *sql.Rows) error {
		var s Site
		var key []byte
		var asked int64
		var joined, dismissed sql.NullInt64
		if err := r.Scan(&s.Client, &s.State, &s.Invitation, &key, &s.Words, &asked, &joined, &dismissed); err != nil {
			return err
		}
		copy(s.Key[:], key)
		s.Asked = time.UnixMicro(asked)
		if joined.Valid {
			s.Joined = time.UnixMicro(joined.Int64)
		}
		if dismissed.Valid {
			s.Dismissed = time.UnixMicro(dismissed.Int64)
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_sites: %w", err)
	}
	return list, nil
}

// List returns the invitations that are not over, and all sites, in the order of their names.
func List(ctx context.Context, db *mysqldb.DB) (open []Invitation, all []Site, now time.Time, err error) {
	if now, err = clock(ctx, db); err != nil {
		return nil, nil, now, err
	}
	if open, err = invitations(ctx, db, ` WHERE withdrawn_at IS NULL AND used < uses AND until_at > UTC_TIMESTAMP(6) ORDER BY site, until_at`); err == nil {
		all, err = sites(ctx, db, ` ORDER BY client`)
	}
	return open, all, now, err
}

// clock returns the database's time, which invitations go by.
func clock(ctx context.Context, db mysqldb.Queryer) (now time.Time, err error) {
	err = mysqldb.Each(ctx, db, `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`, nil, func(r *sql.Rows) error {
		var at int64
		err := r.Scan(&at)
		now = time.UnixMicro(at)
		return err
	})
	return now, err
}

// places are the statements that remove what the tables remember of a remote, so that a site that is let in starts as a
// new one. The last one forgets which protocol it spoke.
var places = []string{
	`DELETE FROM sync_remotes WHERE remote = ?`, `DELETE FROM sync_outbox WHERE remote = ?`, `DELETE FROM sync_kept WHERE remote = ?`,
	`DELETE FROM sync_snapshots WHERE remote = ?`, `DELETE FROM sync_sent WHERE remote = ?`, `DELETE FROM sync_noted WHERE remote = ?`,
	`DELETE FROM sync_clients WHERE client = ?`,
}

// begin resets what is remembered of a site that is let in: an earlier site of the same name may have had other rows.
func begin(ctx context.Context, tx mysqldb.Tx, client string) error {
	for _, statement := range places {
		if _, err := tx.ExecContext(ctx, statement, client); err != nil {
			return fmt.Errorf("forget what %s had: %w", client, err)
		}
	}
	return nil
}

// Why a site is not accepted or dismissed.
var (
	ErrNoSite    = errors.New("no site of this name has asked to join")
	ErrNotAsking = errors.New("it does not wait to be let in")
	ErrDismissed = errors.New("it is dismissed already")
	ErrWords     = errors.New("another site asks under this name now: compare the characters again")
)

// Accept lets in a site that asks; a running node makes it a remote within a second or two.
func Accept(ctx context.Context, db *mysqldb.DB, client string) error {
	return change(ctx, db, client, func(tx mysqldb.Tx, s Site) error { return accept(ctx, tx, s) })
}

func accept(ctx context.Context, tx mysqldb.Tx, s Site) error {
	if s.State != Asking {
		return ErrNotAsking
	}
	if err := begin(ctx, tx, s.Client); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE sync_sites SET state = 'in', joined_at = UTC_TIMESTAMP(6) WHERE client = ?`, s.Client)
	return err
}

// Dismiss shuts a site out: its key and its login end with this transaction.
func Dismiss(ctx context.Context, db *mysqldb.DB, client string) error {
	return change(ctx, db, client, func(tx mysqldb.Tx, s Site) error { return dismiss(ctx, tx, s) })
}

func dismiss(ctx context.Context, tx mysqldb.Tx, s Site) error {
	if s.State == Dismissed {
		return ErrDismissed
	}
	_, err := tx.ExecContext(ctx, `UPDATE sync_sites SET state = 'dismissed', site_key = NULL, pair_key = NULL, login_hash = NULL, dismissed_at = UTC_TIMESTAMP(6)
		WHERE client = ?`, s.Client)
	return err
}

// Settle lets in a site that asks, or dismisses it, if it still shows the characters that a person has compared.
func Settle(ctx context.Context, db *mysqldb.DB, w Waiting, in bool) error {
	return change(ctx, db, w.Site, func(tx mysqldb.Tx, s Site) error {
		switch {
		case s.State != Asking:
			return ErrNotAsking
		case s.Words != w.Words:
			return ErrWords
		case in:
			return accept(ctx, tx, s)
		}
		return dismiss(ctx, tx, s)
	})
}

func change(ctx context.Context, db *mysqldb.DB, client string, f func(mysqldb.Tx, Site) error) error {
	return mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		list, err := sites(ctx, tx, ` WHERE client = ? FOR UPDATE`, client)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return ErrNoSite
		}
		return f(tx, list[0])
	})
}

// Withdraw ends the open invitations for a name or a pattern, or the one with this id, and returns how many. Their key stays
// for a while, to tell sites why.
func Withdraw(ctx context.Context, db *mysqldb.DB, what string) (int64, error) {
	r, err := db.ExecContext(ctx, `UPDATE sync_invitations SET withdrawn_at = UTC_TIMESTAMP(6), login_hash = NULL
		WHERE (id = ? OR site = ?) AND withdrawn_at IS NULL`, what, what)
	if err != nil {
		return 0, fmt.Errorf("end the invitation: %w", err)
	}
	return r.RowsAffected()
}

// purge ends the keys and logins of invitations that are over, and forgets old ones.
func purge(ctx context.Context, db *mysqldb.DB) error {
	_, err := db.ExecContext(ctx, `UPDATE sync_invitations SET hub_key = NULL, login_hash = NULL WHERE hub_key IS NOT NULL
		AND LEAST(until_at, COALESCE(withdrawn_at, until_at)) < UTC_TIMESTAMP(6) - INTERVAL ? SECOND`, int(graceful.Seconds()))
	if err == nil {
		_, err = db.ExecContext(ctx, `DELETE FROM sync_invitations WHERE until_at < UTC_TIMESTAMP(6) - INTERVAL 90 DAY`)
	}
	if err != nil {
		return fmt.Errorf("end the invitations that are over: %w", err)
	}
	return nil
}
