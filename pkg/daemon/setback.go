package daemon

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

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
	n.log.Info("all tables were compared and are equal: nothing is missing after the restore")
	return nil
}

// equalEverywhere reports whether, of what this run has compared, nothing differs, and
// nothing is left out. Rows that a transformer changes cannot be compared.
func (n *Node) equalEverywhere() bool {
	compared := false
	for _, table := range n.cfg.Tables() {
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
