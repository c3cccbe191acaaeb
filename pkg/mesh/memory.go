package mesh

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Met is a client that was met as a node.
type Met struct {
	Client string
	Here   bool // it tells its presence on its own topic, by its latest announcement
}

// Memory remembers across restarts which clients were met as nodes.
type Memory interface {
	// Met returns at most most clients: the named ones first, then the latest of the others.
	Met(ctx context.Context, named []string, most int) ([]Met, error)
	// Note adds clients, or what is new about them.
	Note(ctx context.Context, clients []Met, now time.Time) error
}

// Clients is the Memory of a node: its table sync_clients.
type Clients struct{ DB *mysqldb.DB }

// Met implements Memory. It runs at each start.
func (c Clients) Met(ctx context.Context, named []string, most int) (clients []Met, err error) {
	if err := c.DB.SelectContext(ctx, &clients, `SELECT client, here FROM sync_clients ORDER BY FIND_IN_SET(client, ?) > 0 DESC, met_at DESC LIMIT ?`,
		strings.Join(named, ","), most); err != nil {
		return nil, fmt.Errorf("read sync_clients: %w", err)
	}
	return clients, nil
}

// Note implements Memory. It runs once for each client, and when one is upgraded.
func (c Clients) Note(ctx context.Context, clients []Met, now time.Time) error {
	var args []any
	for _, m := range clients {
		args = append(args, m.Client, wire.Protocol, m.Here, now.UTC())
	}
	_, err := c.DB.ExecContext(ctx, `INSERT INTO sync_clients (client, protocol, here, met_at) VALUES `+mysqldb.Groups(len(clients), 4)+
		` ON DUPLICATE KEY UPDATE protocol = GREATEST(protocol, VALUES(protocol)), here = VALUES(here)`, args...)
	return err
}

// Recall reads which clients were met as nodes in earlier runs.
func (m *Mesh) Recall(ctx context.Context, memory Memory) error {
	clients, err := memory.Met(ctx, named(m.c.Node), mostMet+len(named(m.c.Node)))
	if err != nil {
		return err
	}
	m.peers.recall(clients)
	return nil
}

// noteEvery is the least time between two writes of met clients.
const noteEvery = time.Second

// remember stores which clients were met as nodes, until ctx ends.
func (m *Mesh) remember(ctx context.Context, memory Memory) error {
	for {
		clients := m.peers.unwritten()
		if len(clients) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-m.peers.kick:
			}
			continue
		}
		if err := memory.Note(ctx, clients, m.c.Now()); err == nil {
			m.peers.recall(clients)
		} else if ctx.Err() == nil {
			m.c.Log.Warn("could not record a client as a node; retrying", zap.Error(err))
		}
		if pause.For(ctx, noteEvery) != nil {
			return nil
		}
	}
}
