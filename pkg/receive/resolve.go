package receive

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// Resolve runs a table's conflict script; see apply.Resolver.
func (d *Decoder) Resolve(ctx context.Context, t *schema.Table, key string, local, incoming losers.Side) ([]string, [][]byte, error) {
	id, err := t.ID(key)
	if err != nil {
		return nil, nil, err
	}
	side := func(s losers.Side) transform.Side {
		if s.Columns == nil {
			return transform.Side{Version: s.Version}
		}
		return transform.Side{Version: s.Version, Entity: Decode(t, s.Columns, s.Values, d.Zone)}
	}
	entity, err := d.Transformers.Resolve(ctx, transform.Conflict{Table: t.Name, ID: id, Local: side(local), Incoming: side(incoming)})
	if transform.Transient(err) {
		err = fmt.Errorf("%w: %w", apply.ErrUnready, err)
	}
	if err != nil || entity == nil {
		return nil, nil, err
	}
	return d.Stored(t, entity)
}
