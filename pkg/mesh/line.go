package mesh

import (
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Line is how a node and others hear each other.
type Line struct {
	Topics    wire.Topics
	Session   uint64 // names this run of the process in batches
	Codec     *wire.Codec
	Transport *transport.Session
	Mesh      *Mesh
	Refused   *Refusals
}

// NewLine returns a node's line; routes says that the node understands withdrawn rows. It connects to nothing.
func NewLine(cfg *config.Config, log *zap.Logger, version string, routes bool, now func() time.Time) (l Line, err error) {
	l = Line{Topics: wire.Topics(cfg.TopicPrefix), Session: rand.Uint64(), Refused: NewRefusals(log, cfg, now)}
	if l.Codec, err = wire.NewCodec(cfg.LargestRow() + wire.BatchRoom); err != nil {
		return l, err
	}
	l.Transport, err = transport.New(log.Named("transport"), transport.Config{
		MQTT: cfg.MQTT, EchoTopic: l.Topics.Info(),
		Plans:    func(last error) transport.Plan { return l.Mesh.Plan(last) },
		Sites:    func() int { return l.Mesh.Sites() },
		Farewell: func() []transport.Message { return l.Mesh.Farewell() },
	})
	if err != nil {
		return l, err
	}
	l.Mesh, err = New(Config{
		Log: log, Node: cfg, Version: version, Session: l.Session, MaxRow: cfg.LargestRow(), Routes: routes, Now: now, Broker: l.Transport, Refused: l.Refused,
	})
	return l, err
}
