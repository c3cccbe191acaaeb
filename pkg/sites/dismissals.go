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
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// File returns the path of the file in which a node records dismissed sites. In a database restored from a backup such
// a site may be in again, with its key.
func File(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".dismissed")
}

// outside has all sites that were ever dismissed: each with the invitations that it had used, and when it was dismissed
// after that. With another invitation it may be in again.
type outside map[string]map[string]time.Time

func (o outside) has(client, invitation string) bool {
	_, ok := o[client][invitation]
	return ok
}

// clients returns the sites, sorted.
func (o outside) clients() []string { return slices.Sorted(maps.Keys(o)) }

func (o outside) add(s Site) {
	if o[s.Client] == nil {
		o[s.Client] = map[string]time.Time{}
	}
	o[s.Client][s.Invitation] = s.Dismissed
}

// correct returns what is true of a site, given what the database says, which may be older than its latest dismissal; s is
// nil if the database does not know it.
func (o outside) correct(client string, s *Site) *Site {
	if s != nil && s.State != Outside && !o.has(client, s.Invitation) {
		return s // never dismissed, or in by another invitation
	}
	for invitation, at := range o[client] {
		if s == nil || s.State != Outside || at.After(s.Dismissed) {
			s = &Site{Client: client, State: Outside, Invitation: invitation, Dismissed: at}
		}
	}
	return s
}

// readOutside reads the file; without one, nobody was dismissed.
func readOutside(file string) (outside, error) {
	o := outside{}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		return nil, fmt.Errorf("read who was dismissed: %s: %w", file, err)
	}
	return o, nil
}

// write replaces the file, which belongs to the owner of like, or with nil to this process's.
func (o outside) write(file string, like fs.FileInfo) error {
	text, err := json.Marshal(o)
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

// Record records in the file of a node that is stopped which sites are dismissed; a running node does that itself. The
// file gets the owner of like, which is another file of the node, so that the node can read it. It reports whether there
// was anything to record.
func Record(ctx context.Context, db *mysqldb.DB, cfg *config.Config, like fs.FileInfo) (news bool, err error) {
	_, _, news, err = record(ctx, db, cfg, like)
	return news, err
}

// record adds to the file the sites that are dismissed according to the database, and returns what both say.
func record(ctx context.Context, db *mysqldb.DB, cfg *config.Config, like fs.FileInfo) (o outside, all []Site, news bool, err error) {
	if o, err = readOutside(File(cfg)); err != nil {
		return nil, nil, false, err
	}
	if all, err = sites(ctx, db, ` ORDER BY client`); err != nil {
		return nil, nil, false, err
	}
	for _, s := range all {
		if s.State == Outside && !o.has(s.Client, s.Invitation) {
			o.add(s)
			news = true
		}
	}
	if news {
		err = o.write(File(cfg), like)
	}
	return o, all, news, err
}

// remember records dismissed sites, dismisses again those that are in by an older database, and notes who asks.
func (d *Desk) remember(ctx context.Context) error {
	o, all, _, err := record(ctx, d.DB, d.Node, nil)
	if err != nil {
		return err
	}
	var asking []string
	for _, s := range all {
		if s.State != Outside && o.has(s.Client, s.Invitation) {
			if err := Dismiss(ctx, d.DB, s.Client); err != nil {
				return err
			}
			d.Log.Warn("a site is dismissed again: the database is from before it was", zap.String("client", s.Client))
		} else if s.State == Asking {
			asking = append(asking, s.Client+" ("+s.Words+")")
		}
	}
	d.asking.Store(&asking)
	return nil
}
