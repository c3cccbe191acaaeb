package apply

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// manyRows is from how many rows on, of which probably none exists, one look at where they would be comes before a look at each.
const manyRows = 50

// near returns those of the keys whose rows may exist and must be locked. Rows of a table's first transfer come in the order of their
// keys, and between the first and the last of them there are mostly none, which one look tells. If there are more than a fourth as many,
// it is given up.
//
// It does not see a row that someone has inserted but not committed: that makes our insert fail at once, as the lock would have done. What
// is inserted after either look is a duplicate. So nothing of a user's is overwritten unseen: promise 3. Where an insert would wait
// instead, which others' rows had to wait for, too, each row is looked for: promise 5.
func (x *session) near(ctx context.Context, t *schema.Table, keys []string) ([]string, error) {
	if x.Locks().Waits || t.Spelling() != value.Exact {
		return keys, nil
	}
	few := len(keys) / 4
	var q mysqldb.Statement
	if !t.AddBetween(&q, keys, few+1) {
		return keys, nil
	}
	found := map[string]bool{}
	err := q.Query(ctx, x.atOnce, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		found[key] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for rows of %s: %w", t.Name, err)
	}
	if len(found) > few {
		return keys, nil
	}
	var there []string
	for _, key := range keys {
		if found[key] {
			there = append(there, key)
		}
	}
	return there, nil
}
