package node

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// policies returns how the conflicts of tables are decided.
func (n *Node) policies() map[string]conflict.Policy {
	policies := map[string]conflict.Policy{}
	for table, p := range n.cfg.ConflictPolicy {
		policies[table] = conflict.Policy{Name: p.Name, Clients: p.Priority}
	}
	return policies
}

// resolver runs the scripts that resolve conflicts.
type resolver struct{ w *work }

// Resolve runs the script of a table; see apply.Resolver.
func (r resolver) Resolve(ctx context.Context, t *schema.Table, key string, local, incoming losers.Side) ([]string, [][]byte, error) {
	id, err := t.ID(key)
	if err != nil {
		return nil, nil, err
	}
	side := func(s losers.Side) transform.Side {
		if s.Columns == nil {
			return transform.Side{Version: s.Version}
		}
		return transform.Side{Version: s.Version, Entity: receive.Decode(t, s.Columns, s.Values, r.w.zone)}
	}
	entity, err := r.w.transformers.Resolve(ctx, transform.Conflict{Table: t.Name, ID: id, Local: side(local), Incoming: side(incoming)})
	if transform.Transient(err) {
		err = fmt.Errorf("%w: %w", apply.ErrUnready, err)
	}
	if err != nil || entity == nil {
		return nil, nil, err
	}
	return r.w.decoder(r.w.transformers).Stored(t, entity)
}
