package sites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// File returns the path of the file in which a node records dismissed sites. In a database restored from a backup such
// a site may be in again, with its key.
func File(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".dismissed")
}

// dismissals has all sites that were ever dismissed: each with the invitations that it had used, and when it was dismissed
// after that. With another invitation it may be in again.
type dismissals map[string]map[string]time.Time

func (ds dismissals) has(client, invitation string) bool {
	_, ok := ds[client][invitation]
	return ok
}

// clients returns the sites, sorted.
func (ds dismissals) clients() []string { return slices.Sorted(maps.Keys(ds)) }

func (ds dismissals) add(s Site) {
	if ds[s.Client] == nil {
		ds[s.Client] = map[string]time.Time{}
	}
	ds[s.Client][s.Invitation] = s.Dismissed
}

// correct returns what is true of a site, given what the database says, which may be older than its latest dismissal; s is
// nil if the database does not know it.
func (ds dismissals) correct(client string, s *Site) *Site {
	if s != nil && s.State != Dismissed && !ds.has(client, s.Invitation) {
		return s // never dismissed, or in by another invitation
	}
	for invitation, at := range ds[client] {
		if s == nil || s.State != Dismissed || at.After(s.Dismissed) {
			s = &Site{Client: client, State: Dismissed, Invitation: invitation, Dismissed: at}
		}
	}
	return s
}

// mostFile is the size in bytes above which the file is not read: of several hundred thousand dismissals.
const mostFile = 64 << 20

// readDismissals reads the file; without one, nobody was dismissed.
func readDismissals(file string) (dismissals, error) {
	ds := dismissals{}
	text, err := keys.ReadAtMost(file, mostFile)
	if errors.Is(err, os.ErrNotExist) {
		return ds, nil
	}
	if err == nil && (json.Unmarshal(text, &ds) != nil || ds == nil) { // nil: the text was null
		err = fmt.Errorf("%s is damaged", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read who was dismissed: %w; if it cannot be restored, see mysql-sync sites, remove the file, and dismiss again whoever should not be in", err)
	}
	return ds, nil
}

// write replaces the file, which belongs to the owner of like, or with nil to this process's.
func (ds dismissals) write(file string, like fs.FileInfo) error {
	text, err := json.Marshal(ds)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(filepath.Dir(file), ".dismissed-*") // with mode 0600
	}
	if err != nil {
		return fmt.Errorf("write who was dismissed: %w", err)
	}
	if like != nil {
		if is, ok := like.Sys().(*syscall.Stat_t); ok {
			err = f.Chown(int(is.Uid), int(is.Gid))
		}
	}
	if err == nil {
		_, err = f.Write(text)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write who was dismissed: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// RecordDismissals records in the file of a node that is stopped which sites are dismissed; a running node does that itself. The
// file gets the owner of like, which is another file of the node, so that the node can read it. It reports whether there
// was anything to record.
func RecordDismissals(ctx context.Context, db *mysqldb.DB, cfg *config.Config, like fs.FileInfo) (news bool, err error) {
	_, _, news, err = recordDismissals(ctx, db, cfg, like)
	return news, err
}

// recordDismissals adds to the file the sites that are dismissed according to the database, and returns what both say.
func recordDismissals(ctx context.Context, db *mysqldb.DB, cfg *config.Config, like fs.FileInfo) (ds dismissals, all []Site, news bool, err error) {
	if ds, err = readDismissals(File(cfg)); err != nil {
		return nil, nil, false, err
	}
	if all, err = sites(ctx, db, ` ORDER BY client`); err != nil {
		return nil, nil, false, err
	}
	for _, s := range all {
		if s.State == Dismissed && !ds.has(s.Client, s.Invitation) {
			ds.add(s)
			news = true
		}
	}
	if news {
		err = ds.write(File(cfg), like)
	}
	return ds, all, news, err
}

// remember records dismissed sites, dismisses again those that are in by an older database, and notes who asks.
func (d *Desk) remember(ctx context.Context) error {
	ds, all, _, err := recordDismissals(ctx, d.DB, d.Node, nil)
	if err != nil {
		return err
	}
	var asking []Waiting
	for _, s := range all {
		if s.State != Dismissed && ds.has(s.Client, s.Invitation) {
			if err := Dismiss(ctx, d.DB, s.Client); err != nil {
				return err
			}
			d.Log.Warn("a site is dismissed again: the database is from before it was", zap.String("client", s.Client))
		} else if s.State == Asking {
			asking = append(asking, Waiting{s.Client, s.Words})
		}
	}
	d.asking.Store(&asking)
	return nil
}
