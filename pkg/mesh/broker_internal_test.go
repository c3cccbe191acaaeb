package mesh

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// broker is a connection to a broker that keeps nothing, and what was done on it.
type broker struct {
	mu      sync.Mutex
	sent    []transport.Message
	asked   int // for what it keeps of one topic
	renewed int // subscriptions
	away    bool
}

func (b *broker) Publish(_ context.Context, m transport.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return transport.ErrOffline
	}
	b.sent = append(b.sent, m)
	return nil
}

func (b *broker) PublishAsync(ctx context.Context, m transport.Message) (*transport.Token, error) {
	return nil, b.Publish(ctx, m)
}

func (b *broker) Ask(context.Context, string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return nil
}

func (b *broker) Resubscribe(context.Context, ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renewed++
	return nil
}

func (b *broker) Online() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.away
}

// news is what a Mesh has told, a line each.
type news struct {
	mu   sync.Mutex
	told []string
}

func (n *news) tell(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, line)
}

func (n *news) Up()                               { n.tell("up") }
func (n *news) Heard(client string)               { n.tell("heard " + client) }
func (n *news) Announced(remote string, e Effect) { n.tell(fmt.Sprintf("announced %s %+v", remote, e)) }

func newMesh(t *testing.T, cfg *config.Config, b *broker) *Mesh {
	t.Helper()
	m, err := New(Config{Log: zap.NewNop(), Node: cfg, Version: "test", Session: 1, MaxRow: 1 << 20, Now: time.Now, Broker: b,
		Refused: NewRefusals(zap.NewNop(), cfg, time.Now), News: &news{}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
