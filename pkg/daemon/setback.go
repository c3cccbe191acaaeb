package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// databaseMarks are what tells how new a database is.
type databaseMarks struct {
	versions bool   // rows have versions
	position int64  // the last one that it knows of
	database string // its name, if it has one
}

func readMarks(ctx context.Context, db *mysqldb.DB) (is databaseMarks, err error) {
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sync_versions), GREATEST(COALESCE((SELECT MAX(position) FROM sync_versions), 0),
		COALESCE((SELECT CAST(value AS SIGNED) FROM sync_node WHERE name = ?), 0)), COALESCE((SELECT value FROM sync_node WHERE name = ?), '')`,
		schema.NodePosition, schema.NodeDatabase).Scan(&is.versions, &is.position, &is.database)
	return is, err
}

func nameDatabase(ctx context.Context, db *mysqldb.DB, name string) error {
	return schema.SetNode(ctx, db, schema.NodeDatabase, name)
}

// noteSetBack has it in the database that it may lack what remotes have.
func noteSetBack(ctx context.Context, db *mysqldb.DB) error {
	return schema.SetNode(ctx, db, schema.NodeSetBack, time.Now().UTC().Format(time.RFC3339))
}

// markEvery is how often the database gets a new mark while something is written.
const markEvery = time.Second

// markDatabase gives the database a position each second in which the node has written
// something, until ctx ends, and remembers it: what was received has none of its own,
// and versions are forgotten. What was captured is remembered at once; see note.
func (n *Node) markDatabase(ctx context.Context, r *records) error {
	var marked uint64
	mark := func(ctx context.Context) {
		commits := n.stream.Commits()
		if commits == marked {
			return
		}
		at := n.stream.Token(1)
		if err := schema.SetNode(ctx, n.db, schema.NodePosition, fmt.Sprint(at)); err != nil {
			return // whatever is wrong with the database, others tell it
		}
		marked = commits
		r.note(at) // after the database has it
	}
	for sleep(ctx, markEvery) == nil {
		mark(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), markEvery)
	defer cancel()
	mark(last)
	return nil
}

// recallSetBack reads whether the database was set back and not compared since.
func (n *Node) recallSetBack(ctx context.Context, db *mysqldb.DB) error {
	at, err := schema.SetBackAt(ctx, db)
	if err == nil && !at.IsZero() {
		n.setBack.Store(&at)
	}
	return err
}

// comparedSince ends the problem that the database was set back once it was seen to
// hold what the remotes do: each table that a remote takes was compared with it since
// then, and the last time it was equal.
func (n *Node) comparedSince(ctx context.Context) error {
	if n.setBack.Load() == nil || !n.equalEverywhere() {
		return nil
	}
	if err := schema.ForgetSetBack(ctx, n.db); err != nil {
		return err
	}
	n.setBack.Store(nil)
	n.Renew()
	n.log.Info("all tables were compared and are equal: nothing is lacking since the database was set back")
	return nil
}

// equalEverywhere reports whether, of what this run has compared, nothing differs, and
// nothing is left out. Rows that a transformer changes cannot be compared.
func (n *Node) equalEverywhere() bool {
	compared := false
	for _, table := range n.allTables() {
		for _, remote := range n.cfg.RemoteClients {
			c, was := n.Verified.Of(remote, table)
			compared = compared || was
			if was && c.Differs > 0 || !was && n.comparable(remote, table) {
				return false
			}
		}
	}
	return compared
}

// comparable reports whether a table is to be the same here and at a remote.
func (n *Node) comparable(remote, table string) bool {
	return !n.transformers.Has(table) && n.mesh.SpeaksBatches(remote) && (!n.mesh.Announced(remote) || n.mesh.Receives(remote, table))
}
