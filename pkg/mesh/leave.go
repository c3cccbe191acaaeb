package mesh

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// leaveTime is how long the broker may take to answer.
const leaveTime = 10 * time.Second

// Unannounce removes the node's announcement and presence from the broker, by empty retained messages (MQTT 3.1.1,
// 3.3.1.3). The node must not be running.
func Unannounce(ctx context.Context, cfg *config.Config) error {
	if cfg.Broker.Listen != "" {
		return nil // the node's own broker is gone with it
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	done := fmt.Errorf("no answer within %s", leaveTime)
	var once sync.Once
	s, err := transport.New(zap.NewNop(), transport.Config{MQTT: cfg.MQTT})
	if err != nil {
		return err
	}
	leave := func(ctx context.Context) error {
		once.Do(func() {
			t := wire.Topics(cfg.TopicPrefix)
			for _, topic := range []string{t.HereOf(cfg.ClientName), t.NodeOf(cfg.ClientName)} {
				if done = s.Publish(ctx, transport.Message{Topic: topic, QoS: 1, Retain: true}); done != nil {
					break
				}
			}
			cancel()
		})
		return nil
	}
	if err := s.Run(ctx, transport.Handlers{OnUp: leave}); err != nil {
		return err
	}
	return done
}
