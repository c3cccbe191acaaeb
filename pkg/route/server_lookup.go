package route

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// nameOf is the name under which a lookup table's copy is stored.
func nameOf(l config.RouteLookup) []byte {
	return within([]byte(l.Table+"."+l.Key+"."+l.Remote), longestLookup)
}

// lookupMost limits the rows of a lookup table. Promise 10.
const lookupMost = 200_000

func (s *server) Look(ctx context.Context, l config.RouteLookup) (map[string][]string, error) {
	t, err := s.tables.Table(ctx, l.Table)
	if err != nil {
		return nil, err
	}
	k, ok := t.Column(l.Key)
	c, there := t.Column(l.Remote)
	if !ok || !there {
		return nil, fmt.Errorf("the lookup table %s has no column %q", l.Table, map[bool]string{true: l.Remote, false: l.Key}[ok])
	}
	m, n := map[string][]string{}, 0
	err = mysqldb.Each(ctx, s.db, "SELECT DISTINCT "+k.KeyExpr(mysqldb.Quote(k.Name))+", "+c.KeyExpr(mysqldb.Quote(c.Name))+" FROM "+mysqldb.Quote(l.Table)+
		" WHERE "+mysqldb.Quote(k.Name)+" IS NOT NULL AND "+mysqldb.Quote(c.Name)+" IS NOT NULL ORDER BY 1, 2 LIMIT ?", []any{lookupMost + 1}, func(rows *sql.Rows) error {
		var value, remote string
		err := rows.Scan(&value, &remote)
		if len(value) <= longestValue && len(remote) <= longestClient { // no label or client has another
			m[value] = append(m[value], remote)
		}
		n++
		return err
	})
	if err == nil && n > lookupMost {
		err = fmt.Errorf("the lookup table %s has more than %d rows", l.Table, lookupMost)
	}
	return m, err
}

func (x *session) Keep(ctx context.Context, l config.RouteLookup, m map[string][]string) error {
	if _, err := x.tx.ExecContext(ctx, `DELETE FROM sync_lookups WHERE lookup = ?`, nameOf(l)); err != nil {
		return err
	}
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := x.tx.ExecContext(ctx, `INSERT IGNORE INTO sync_lookups (lookup, value, remote) VALUES `+mysqldb.Groups(len(args)/3, 3), args...)
		args = args[:0]
		return err
	}
	for value, remotes := range m {
		for _, remote := range remotes {
			if args = append(args, nameOf(l), []byte(value), remote); len(args) >= 3000 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

func (s *server) Kept(ctx context.Context, l config.RouteLookup) (map[string][]string, error) {
	m := map[string][]string{}
	return m, mysqldb.Each(ctx, s.db, `SELECT value, remote FROM sync_lookups WHERE lookup = ?`, []any{nameOf(l)}, func(rows *sql.Rows) error {
		var value, remote string
		err := rows.Scan(&value, &remote)
		m[value] = append(m[value], remote)
		return err
	})
}
