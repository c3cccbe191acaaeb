package mesh

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Broker is the node's connection to its broker; see transport.Session.
type Broker interface {
	Publish(ctx context.Context, m transport.Message) error
	PublishAsync(ctx context.Context, m transport.Message) (*transport.Token, error)
	Ask(ctx context.Context, topics ...string) error
	Resubscribe(ctx context.Context, topics ...string) error
	Unsubscribe(ctx context.Context, topics ...string) error
	Online() bool
	Heard()
}

// Config configures a Mesh.
type Config struct {
	Log     *zap.Logger
	Node    *config.Config
	Version string // of this program
	Session uint64 // names this run in batches
	MaxRow  int    // size of the largest row that the node accepts, in bytes
	Routes  bool   // the node understands withdrawn rows
	Now     func() time.Time
	Broker  Broker
	Refused *Refusals
}

// Mesh is one node's view of all clients. It is safe for concurrent use.
type Mesh struct {
	c      Config
	topics wire.Topics
	named  []string // the clients in the configuration

	presence *presence
	peers    *peers
	meetings *meetings
	sealing  *sealing

	own         *own          // the node's announcement
	voice       *voice        // its presence on its own topic
	definitions atomic.Uint64 // how often a received table's definition has changed
	beat        chan struct{} // asks for an extra beat
	newcomer    chan struct{} // the same on the node's own topic
	misheard    atomic.Bool   // a node treats this one as an existing peer

	wide          atomic.Bool // the announcements of all are subscribed to, not only those of named clients
	announcedHere atomic.Bool // the latest announcement says that this node is heard on its own topic
}

// New returns a Mesh in which no one is online yet.
func New(c Config) (*Mesh, error) {
	s, err := newSealing(c.Node, c.Now)
	if err != nil {
		return nil, err
	}
	return &Mesh{
		c: c, topics: wire.Topics(c.Node.TopicPrefix), named: c.Node.Clients(),
		presence: newPresence(c.Now, named(c.Node), slices.Contains(c.Node.AcceptFrom, config.Anyone)),
		peers:    newPeers(c.Node.Version1Clients, named(c.Node), slices.Concat(c.Node.SyncTables, c.Node.ReceiveTables)), meetings: newMeetings(c.Node.RemoteClients), sealing: s,
		own: newOwn(), voice: newVoice(c.Session), beat: make(chan struct{}, 1), newcomer: make(chan struct{}, 1),
	}, nil
}

// named returns the clients that the configuration names.
func named(cfg *config.Config) []string {
	return slices.DeleteFunc(slices.Concat(cfg.RemoteClients, cfg.AcceptFrom), func(c string) bool { return c == config.Anyone })
}

// Run tells the others that the node is online, keeps it announced, and stores which nodes are met, until ctx ends.
// Call it once.
func (m *Mesh) Run(ctx context.Context, memory Memory) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.beats(ctx) })
	g.Go(func() error { return m.appears(ctx) })
	g.Go(func() error { return m.keepAnnounced(ctx) })
	g.Go(func() error { return m.remember(ctx, memory) })
	return g.Wait()
}

// isRemote reports whether the node sends rows to a client.
func (m *Mesh) isRemote(client string) bool { return slices.Contains(m.c.Node.RemoteClients, client) }
