package render

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Routes say which remotes have which rows; see route.Router.
type Routes interface {
	Routed(table string) bool
	// Follows reports whether a table's rows go where those go that they refer to.
	Follows(table string) bool
	// To reports whether a remote has the rows with a label.
	To(table string, label uint32, remote string) bool
	// Token returns a number that is greater than all before.
	Token() int64
}

// Router is Routes, and knows rows on a server.
type Router interface {
	Routes
	// Read returns the labels of rows of a table as they are now, by key; rows that are missing are not in it.
	Read(ctx context.Context, db mysqldb.Queryer, t *schema.Table, keys []string) (map[string]uint32, error)
}

// withdraw takes rows away from the remote.
func (n *Renderer) withdraw(ctx context.Context, d *Rendering, to Target, t *schema.Table, l *Look) (err error) {
	rows := make([]change.Row, len(l.Gone))
	for i := range l.Gone {
		rows[i] = l.Gone[i].Row
	}
	held := map[change.Row]string{}
	if len(rows) > 0 && n.Transformers.Has(t.Name) {
		if held, err = n.Sent.SentAs(ctx, to.Remote, t.Name, rows); err != nil {
			return err
		}
	}
	for _, i := range l.Gone {
		o := l.Withdrawal(i)
		if o.ID, err = t.ID(o.Key); err != nil {
			return err
		}
		if as := held[i.Row]; as != "" {
			if _, err := n.delete(&o, t, as); err != nil {
				return err
			}
		}
		d.Outgoing = append(d.Outgoing, o)
	}
	return nil
}
