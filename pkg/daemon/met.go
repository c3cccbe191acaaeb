package daemon

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// errNode is what a client is told in whose name a change of version 1 comes though it
// was met as a node: it would get a version that its author does not know. Promise 3.
var errNode = errors.New("its sender was met as a node of mysql-sync, which does not send changes of version 1: " +
	"if another program has taken the name for good, add it to version1Clients of the receiver")

// recallPeers reads who was met as a node in earlier runs.
func (n *Node) recallPeers(ctx context.Context, db *mysqldb.DB) error {
	var clients []string
	if err := db.SelectContext(ctx, &clients, `SELECT client FROM sync_clients ORDER BY met_at DESC LIMIT ?`, mostMet); err != nil {
		return fmt.Errorf("read sync_clients: %w", err)
	}
	n.peers.recall(clients)
	return nil
}

// rememberPeers writes down who was met as a node, until ctx ends.
func (n *Node) rememberPeers(ctx context.Context) error {
	for {
		clients := n.peers.unwritten()
		if len(clients) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-n.peers.kick:
			}
			continue
		}
		if err := n.writePeers(ctx, clients); err == nil {
			n.peers.recall(clients)
		} else if ctx.Err() == nil {
			n.log.Warn("it could not be noted who was met; trying again", zap.Error(err))
		}
		if sleep(ctx, pulseEvery) != nil {
			return nil
		}
	}
}

func (n *Node) writePeers(ctx context.Context, clients []string) error {
	var args []any
	for _, c := range clients {
		args = append(args, c, wire.Protocol, n.now().UTC())
	}
	_, err := n.db.ExecContext(ctx, `INSERT INTO sync_clients (client, protocol, met_at) VALUES `+mysqldb.Groups(len(clients), 3)+
		` ON DUPLICATE KEY UPDATE protocol = GREATEST(protocol, VALUES(protocol))`, args...)
	return err
}
