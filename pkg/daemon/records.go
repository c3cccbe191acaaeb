package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// records are what a node remembers outside of its database, in queueDirectory,
// to notice that the database was set back to a backup. What the node wrote since
// then the remotes may have, and it has not seen it: its further writes are those
// of a new life, or they would be taken to know what they do not. Promise 4.
//
// The mark is the id of the last change that was captured: ids of table_changes
// only grow, but for a backup. A node whose folder was set back together with its
// database does not notice.
type records struct {
	Life string // empty in the first one
	Last uint64 // id of the last change that was captured

	log    *zap.Logger
	file   *os.File
	failed bool // the last write; it is told once
}

// openRecords reads the records, compares them with the database, and begins a
// new life where they say that it is older than they are, or are missing or
// damaged though the database has been replicated. A life is on the disk before
// anything is written in it.
func openRecords(ctx context.Context, log *zap.Logger, db *mysqldb.DB, folder, client string) (*records, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	name := recordsFile(folder, client)
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	known := err == nil
	r, ok := parseRecords(text)
	if known && !ok {
		log.Warn("what this node remembers of its database is damaged", zap.String("file", name))
		known = false
	}
	r.log = log
	next, versions, err := lastChange(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("compare table_changes with %s: %w", name, err)
	}
	switch {
	case known && next <= r.Last && db.KeepsIDs():
		log.Warn("the database is older than what this node remembers of it: it was set back to a backup; "+
			"run mysql-sync verify --repair to get from the remotes what it lacks",
			zap.Uint64("nextChange", next), zap.Uint64("lastCaptured", r.Last))
		r.Life = newLife()
	case !known && versions:
		log.Warn("nothing is remembered of this database, which has been replicated before; "+
			"if it is a backup, run mysql-sync verify --repair to get from the remotes what it lacks", zap.String("file", name))
		r.Life = newLife()
	}
	if !known || next <= r.Last {
		r.Last = next - 1
	}
	if r.file, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		err = errors.Join(r.write(), r.file.Sync())
	}
	if err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	return r, nil
}

// recordsLength is how many bytes the file has: a shorter text would leave the end of
// the one before.
const recordsLength = 53

// parseRecords reads the file. It returns empty records and false if it is damaged.
func parseRecords(text []byte) (*records, bool) {
	r := &records{}
	if json.Unmarshal(text, r) != nil || len(r.Life) > 8 || strings.ContainsFunc(r.Life, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		return &records{}, false
	}
	return r, true
}

// text is what the file holds.
func (r *records) text() []byte {
	return fmt.Appendf(nil, "{\"life\": %-12q, \"last\": %20d}\n", r.Life, r.Last)
}

// recordsFile is the path of a client's records.
func recordsFile(folder, client string) string { return filepath.Join(folder, client+".records") }

// newLife returns a name that no life of the client had before.
func newLife() string { return strings.ToLower(rand.Text()[:8]) }

// lastChange returns the id that the next change will have, at least, and whether rows
// have versions.
func lastChange(ctx context.Context, db *mysqldb.DB) (next uint64, versions bool, err error) {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = tx.Rollback() }() // the id is used up, and nothing is written
	made, err := tx.ExecContext(ctx, `INSERT INTO table_changes (table_name, primary_key, date) VALUES ('', '', UTC_TIMESTAMP(6))`)
	if err != nil {
		return 0, false, err
	}
	id, err := made.LastInsertId()
	if err != nil {
		return 0, false, err
	}
	err = tx.GetContext(ctx, &versions, `SELECT EXISTS (SELECT 1 FROM sync_versions)`)
	return uint64(id), versions, err
}

// note remembers that a change was captured. A process that is killed has noted
// it; it need not be on the disk, since a mark that is too old does no harm.
func (r *records) note(id uint64) {
	if id <= r.Last {
		return
	}
	r.Last = id
	err := r.write()
	if err != nil && !r.failed {
		r.log.Warn("what was captured last could not be noted; a backup that is restored may go unnoticed", zap.Error(err))
	}
	r.failed = err != nil
}

// write puts the records at the front of the file, in one write of a fixed length.
func (r *records) write() error {
	_, err := r.file.WriteAt(r.text(), 0)
	return err
}

func (r *records) close() { _ = r.file.Close() }
