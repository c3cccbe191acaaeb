package sites

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// File returns the path of the file in which a node records dismissed sites. In a database restored from a backup such
// a site may be in again, with its key.
func File(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".dismissed")
}

// outside has all sites that were ever dismissed, each with the invitation that it had used: with another, it may be in
// again.
type outside map[string]map[string]bool

func (o outside) has(client, invitation string) bool { return o[client][invitation] }

// clients returns the sites, sorted.
func (o outside) clients() []string { return slices.Sorted(maps.Keys(o)) }

func (o outside) add(client, invitation string) {
	if o[client] == nil {
		o[client] = map[string]bool{}
	}
	o[client][invitation] = true
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

func (o outside) write(file string) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write who was dismissed: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".dismissed-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write who was dismissed: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write who was dismissed: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// remember records dismissed sites in the file, dismisses again those that are in by an older database, and notes who
// asks.
func (d *Desk) remember(ctx context.Context) error {
	o, err := readOutside(File(d.Node))
	if err != nil {
		return err
	}
	var back, asking []string
	news := false
	err = mysqldb.Each(ctx, d.DB, `SELECT client, invitation, state, words FROM sync_sites ORDER BY client`, nil, func(r *sql.Rows) error {
		var client, invitation, state, words string
		if err := r.Scan(&client, &invitation, &state, &words); err != nil {
			return err
		}
		if state == Asking {
			asking = append(asking, client+" ("+words+")")
		}
		switch known := o.has(client, invitation); {
		case state == Outside && !known:
			o.add(client, invitation)
			news = true
		case state != Outside && known:
			back = append(back, client)
		}
		return nil
	})
	if err == nil {
		d.asking.Store(&asking)
	}
	if err == nil && news {
		err = o.write(File(d.Node))
	}
	for _, client := range back {
		if err != nil {
			break
		}
		if err = Dismiss(ctx, d.DB, client); err == nil {
			d.Log.Warn("a site is dismissed again: the database is from before it was", zap.String("client", client))
		}
	}
	return err
}
