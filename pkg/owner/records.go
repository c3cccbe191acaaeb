package owner

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
	"sync"
	"syscall"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Records are what a node remembers outside its database, in queueDirectory, to notice that the database was restored
// from a backup. The remotes may have what the node wrote since then, and it has not seen that: its further writes
// belong to a new life, or they would be taken to know what they do not. Promise 4.
//
// There are two marks, and either is enough: the last position of the stream, which only the node assigns, so that
// nothing written by applications hides anything; and a name that the node gave the database. The database is always
// marked first: older records, for example after a power failure, do no harm. A node whose folder was restored together
// with its database does not notice.
type Records struct {
	Life     string // empty in the first one
	Position int64  // certain to be in the database
	Database string // its name; empty: records of an older version

	log    *zap.Logger
	file   *os.File
	mu     sync.Mutex
	failed bool // the last write; it is told once
}

// OpenRecords reads the records, compares them with the database, and begins a new life if they say that it is older
// than they are, or if they are missing or damaged although the database has been replicated. A life is on disk before
// anything is written in it; before that, the database records that it was restored, until it has been compared.
func OpenRecords(ctx context.Context, log *zap.Logger, db *mysqldb.DB, folder, client string) (*Records, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	name := RecordsFile(folder, client)
	text, err := keys.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, keys.ErrLarger) {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	known := !errors.Is(err, fs.ErrNotExist)
	r, ok := parseRecords(text)
	if known && !ok {
		log.Warn("the node's memory of its database is damaged", zap.String("file", name))
		known = false
	}
	r.log = log
	is, err := readMarks(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("compare the database with %s: %w", name, err)
	}
	setBack := true
	switch {
	case known && r.newer(is):
		log.Warn("the database is older than this node remembers: it was restored from a backup; "+
			"run mysql-sync verify --repair to get what it lacks from the remotes",
			zap.Int64("lastPosition", is.position), zap.Int64("knownPosition", r.Position))
	case !known && is.versions:
		log.Warn("this node remembers nothing of the database, which was replicated before; "+
			"if it is a backup, run mysql-sync verify --repair to get what it lacks from the remotes", zap.String("file", name))
	default:
		setBack = false
	}
	if setBack {
		if err := noteSetBack(ctx, db); err != nil {
			return nil, err
		}
		r.Life, is.database = newLife(), "" // what comes of this database is another one from here on
	}
	r.Position = is.position
	named := is.database != ""
	if r.Database = is.database; !named {
		r.Database = rand.Text()
	}
	if err := r.open(name); err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	if !named {
		err = nameDatabase(ctx, db, r.Database)
	}
	return r, err
}

// open opens the file and writes it. What a damaged one had is gone, or it would be damaged at the next start, too.
func (r *Records) open(name string) (err error) {
	if r.file, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600); err != nil {
		return err
	}
	return errors.Join(r.write(), r.file.Truncate(int64(len(r.text()))), r.file.Sync())
}

// newer reports whether a database is older than the records, or a different one.
func (r *Records) newer(is databaseMarks) bool {
	return is.position < r.Position || r.Database != "" && is.database != r.Database
}

// parseRecords reads the file. It returns empty records and false if it is damaged.
func parseRecords(text []byte) (*Records, bool) {
	r := &Records{}
	if json.Unmarshal(text, r) != nil || !isName(r.Life, 8) || r.Life != strings.ToLower(r.Life) || !isName(r.Database, 26) || r.Position < 0 {
		return &Records{}, false
	}
	return r, true
}

// isName reports whether a text could be one of this node's names: letters and digits.
func isName(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') })
}

// text is what the file holds: always as many bytes, also in older versions, since a shorter text would leave the end of the one
// before.
func (r *Records) text() []byte {
	return fmt.Appendf(nil, "{\"life\": %-12q, \"position\": %20d, \"database\": %-58q}\n", r.Life, r.Position, r.Database)
}

// RecordsFile returns the path of the file of a client.
func RecordsFile(folder, client string) string { return filepath.Join(folder, client+".records") }

// newLife returns a name that no life of the client had before.
func newLife() string { return strings.ToLower(rand.Text()[:8]) }

// Note remembers that changes were recorded up to a position. A killed process has written it; it need not be on disk,
// since a mark that is too old does no harm.
func (r *Records) Note(position int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if position <= r.Position {
		return
	}
	r.Position = position
	err := r.write()
	if err != nil && !r.failed {
		r.log.Warn("could not record the latest captured changes; a restored backup may go unnoticed", zap.Error(err))
	}
	r.failed = err != nil
}

// write puts the records at the front of the file, in one write of a fixed length.
func (r *Records) write() error {
	_, err := r.file.WriteAt(r.text(), 0)
	return err
}

// Close closes the file.
func (r *Records) Close() { _ = r.file.Close() }
