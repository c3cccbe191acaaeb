package route

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// Open reads the labels, the lookup tables, and which tables are labelled by their current routes. Run relabels tables
// whose route has changed.
func (r *Router) Open(ctx context.Context) error {
	stored, err := r.db.Labels(ctx)
	for id, text := range stored {
		l, wrong := parse(text.Root, []byte(text.Values))
		if err = errors.Join(err, wrong); wrong == nil {
			r.labels[id], r.ids[text] = l, id
		}
	}
	if err == nil {
		err = r.recall(ctx)
	}
	if err == nil {
		err = r.resume(ctx)
	}
	if err == nil {
		err = r.compare(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	if err := r.lookAgain(ctx); err != nil { // Run retries
		r.log.Warn("rows could not be routed; retrying", zap.Error(err))
	}
	return nil
}

// recall reads the last copies of the lookup tables.
func (r *Router) recall(ctx context.Context) error {
	for _, l := range r.lookups() {
		m, err := r.db.Kept(ctx, l)
		if err != nil {
			return err
		}
		r.looked[l] = m
	}
	return nil
}

// compare finds the tables whose route is not the one by which their rows are labelled.
func (r *Router) compare(ctx context.Context) error {
	before, err := r.db.Routes(ctx)
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
		if !r.cfg.Routed(table) {
			continue
		}
		text, err := r.text(table)
		if err != nil {
			return err
		}
		k, known := before[table]
		if known && k.Route == text {
			r.ready[table] = k.Finished
			h, err := parseHad(k.Had)
			if err != nil {
				return err
			}
			r.hadBefore(table, h)
			continue
		}
		h, err := r.before(ctx, table, k, known)
		if err != nil {
			return err
		}
		kept, err := json.Marshal(h)
		if err == nil {
			err = r.db.Begin(ctx, table, text, kept)
		}
		if err != nil {
			return err
		}
		r.hadBefore(table, h)
	}
	for _, table := range slices.Sorted(maps.Keys(before)) {
		if r.cfg.Routed(table) {
			continue
		}
		if r.cfg.Syncs(table) && r.cfg.InitialSync != snapshot.None {
			r.log.Info("a table no longer has a route: all remotes get all of its rows", zap.String("table", table))
			sent, err := r.db.Sent(ctx, table) // removed ones too, for when they are back
			if err != nil {
				return err
			}
			sent = slices.DeleteFunc(sent, func(remote string) bool { return slices.Contains(r.cfg.RemoteClients, remote) })
			if err := r.db.Request(ctx, slices.Concat(r.cfg.RemoteClients, sent), table); err != nil {
				return err
			}
		}
		if err := r.db.Unrouted(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// chained is the routes of a table and of those that it follows, up to the root, and who gets all rows.
type chained struct {
	Routes []config.Route
	Also   []string
}

// text is everything that a table's labels and their remotes depend on: if it changes, the table is relabelled.
func (r *Router) text(table string) (string, error) {
	chain := []config.Route{r.cfg.Routes[table]}
	for name := table; r.cfg.Routes[name].Parent != ""; {
		name = r.cfg.Routes[name].Parent
		chain = append(chain, r.cfg.Routes[name])
	}
	b, err := json.Marshal(chained{chain, r.cfg.RouteAlso})
	return string(within(b, longestRoute)), err
}

const (
	longestRoute  = 8192 // bytes of sync_routes.route
	longestLookup = 200  // of sync_lookups.lookup
)

// within returns a text, or what stands for it if it is longer than a column.
func within(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	return fmt.Appendf(nil, "%x", sha256.Sum256(text))
}
