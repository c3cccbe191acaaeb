package broker

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Keeper keeps one broker running while nodes come and go, so that a reload of the node cuts no one's connection. Its zero
// value has none. It may be used from any goroutine.
type Keeper struct {
	mu   sync.Mutex
	b    *Broker      // nil: none
	stop func() error // ends it, and waits
}

// Keep has a broker run as configured, and returns once it listens; without an address to listen at, none runs. A broker
// that can become what is asked for stays.
func (k *Keeper) Keep(ctx context.Context, log *zap.Logger, c config.Broker) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.b != nil && c.Listen != "" {
		if ok, err := k.b.Renew(c); ok || err != nil {
			return err
		}
	}
	k.end()
	if c.Listen == "" {
		return nil
	}
	b, err := New(log, c)
	if err != nil {
		return err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- b.Run(life) }()
	stop := func() error { cancel(); return <-ended }
	select {
	case <-b.ready:
	case err := <-ended:
		cancel()
		return err
	case <-ctx.Done():
		_ = stop() // it was not up yet
		return ctx.Err()
	}
	k.b, k.stop = b, stop
	return nil
}

// Close ends the broker.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end()
}

func (k *Keeper) end() {
	if k.b != nil {
		_ = k.stop() // it fails only at its start
	}
	k.b, k.stop = nil, nil
}
