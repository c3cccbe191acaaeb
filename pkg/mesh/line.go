package node

import (
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// line is how a node and others hear each other.
type line struct {
	topics    wire.Topics
	session   uint64 // names this run of the process in batches
	codec     *wire.Codec
	transport *transport.Session
	mesh      *mesh.Mesh
	refused   *mesh.Refusals
}

func newLine(cfg *config.Config, log *zap.Logger, version string, now func() time.Time) (l line, err error) {
	l = line{topics: wire.Topics(cfg.TopicPrefix), session: rand.Uint64(), refused: mesh.NewRefusals(log, cfg, now)}
	if l.codec, err = wire.NewCodec(cfg.LargestRow() + wire.BatchRoom); err != nil {
		return l, err
	}
	l.transport, err = transport.New(log.Named("transport"), transport.Config{
		MQTT: cfg.MQTT, Topics: l.topics.Subscriptions(cfg.ClientName), EchoTopic: l.topics.Info(),
		Will: &transport.Message{Topic: l.topics.Info(), Payload: wire.Info{Sender: cfg.ClientName, Message: wire.ConnectionLost}.Encode(), QoS: 1},
	})
	if err != nil {
		return l, err
	}
	l.mesh, err = mesh.New(mesh.Config{
		Log: log, Node: cfg, Version: version, Session: l.session, MaxRow: cfg.LargestRow(), Now: now, Broker: l.transport, Refused: l.refused,
	})
	return l, err
}

// state is the line as shown in the node's state.
func (l *line) state() status.Line {
	return status.Line{Transport: l.transport, Mesh: l.mesh, Refused: l.refused}
}
