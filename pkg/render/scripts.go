package render

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// Scripts are the users' scripts twice: as they work on rows, and as they are asked what they would make of one. In the
// latter case nothing that they write or publish takes effect.
type Scripts struct {
	Work      *transform.Transformers
	Rehearsal *transform.Transformers
}

// OpenScripts loads a configuration's scripts; the ones it requires must exist.
func OpenScripts(log *zap.Logger, cfg *config.Config, guests *mysqldb.Guests, broker Broker) (*Scripts, error) {
	c := transform.Of(cfg)
	s := &Scripts{
		Work:      transform.New(log, Querier{guests}, publisher{broker}, c),
		Rehearsal: transform.New(zap.NewNop(), OnlyReading{guests}, unheard{}, c),
	}
	err := s.Work.LoadFor(cfg)
	if err == nil {
		if err = s.Rehearsal.Load(cfg.Tables()); err != nil {
			err = fmt.Errorf("%s: %w", transform.Origin(cfg), err)
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends them.
func (s *Scripts) Close() {
	s.Work.Close()
	s.Rehearsal.Close()
}

// Broker publishes messages and waits until the broker has them; see transport.Session.
type Broker interface {
	Publish(ctx context.Context, m transport.Message) error
}

// publisher publishes the messages of scripts.
type publisher struct{ Broker }

// Publish publishes a message and waits until the broker has it.
func (p publisher) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	err := p.Broker.Publish(ctx, transport.Message{Topic: topic, Payload: message, QoS: qos, Retain: retain})
	if errors.Is(err, transport.ErrOffline) {
		err = transform.Later(err)
	}
	return err
}

// unheard is a Publisher that publishes nothing.
type unheard struct{}

func (unheard) Publish(context.Context, string, []byte, byte, bool) error { return nil }
