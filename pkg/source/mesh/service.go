package mesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/dispatch"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Config configures a Service.
type Config struct {
	Log     *zap.Logger
	Name    string         // of the source
	Block   map[string]any // checked by Schema
	Tables  []string       // those that jobs receive, in any order
	Version string         // of this program
	State   func() *ledger.Ledger
}

// Service is a client of a mesh.
type Service struct {
	Config
	tables map[string]*inbox.Source
	keys   map[string][]string // columns that identify a table's rows, according to the jobs: all that is known of existing peers' tables

	mu   sync.Mutex
	line *mesh.Line // nil: it does not run
}

// New returns a Service. It connects to nothing. The error is of type config.Mistakes.
func New(c Config) (*Service, error) {
	s := &Service{Config: c, tables: map[string]*inbox.Source{}, keys: map[string][]string{}}
	if _, err := s.config(); err != nil {
		return s, err
	}
	if len(c.Tables) > 0 {
		if wrong := unreceived(c.Block, c.Tables); len(wrong) > 0 {
			return s, wrong
		}
	}
	return s, nil
}

// Table returns the source of a table's rows. Call it before Run.
func (s *Service) Table(name string, key []string) *Table {
	if s.tables[name] == nil {
		s.tables[name], s.keys[name] = inbox.New(s.State, s.Name, name), key
	}
	return &Table{s.tables[name], s}
}

// Tables returns the sources of all tables.
func (s *Service) Tables() []*inbox.Source { return slices.Collect(maps.Values(s.tables)) }

// Table is a source of a table's rows.
type Table struct {
	*inbox.Source
	service *Service
}

// Check connects to the broker as another client, and disconnects.
func (t *Table) Check(ctx context.Context) error { return t.service.Check(ctx) }

// config returns the client's configuration. It receives only the jobs' tables, whatever else rights name.
func (s *Service) config() (*config.Config, error) {
	names := []string{"any"}
	rights(s.Block, func(_, table string) {
		if !slices.Contains(names, table) {
			names = append(names, table)
		}
	})
	cfg, err := config.Receiver(s.Block, names)
	if err == nil {
		cfg.ReceiveTables = slices.Sorted(maps.Keys(s.tables))
	}
	return cfg, err
}

// checkTime is how long a broker may take to accept a trial client.
const checkTime = 20 * time.Second

// Check connects to the broker under its own name, so that a running client stays connected.
func (s *Service) Check(ctx context.Context) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return check.BrokerAnswers(ctx, cfg.MQTT)
}

// Run receives until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	log := s.Log.Named("mesh").With(zap.String("source", s.Name))
	line, err := mesh.NewLine(cfg, log, s.Version, false, time.Now)
	if err != nil {
		return err
	}
	inboxes := map[string]*ledger.Inbox{}
	for name, t := range s.tables {
		if inboxes[name], err = t.Inbox(ctx); err != nil {
			return err
		}
	}
	memory := remembered{s.State(), "mesh " + s.Name}
	if err := line.Mesh.Recall(ctx, memory); err != nil {
		return err
	}
	scripts := transform.New(log, nothing{}, nothing{}, transform.Config{}) // none: jobs have their own
	defer scripts.Close()
	if err := scripts.LoadFiles(nil); err != nil {
		return err
	}
	defs := newDefinitions(cfg, line, s.keys)
	count := counting{}
	answers := receive.NewAnswers(receive.AnswersConfig{
		Log: log, Client: cfg.ClientName, Named: cfg.Clients(), Now: time.Now, Topics: line.Topics, Mesh: line.Mesh, Transport: line.Transport,
	})
	receiver := receive.New(receive.Config{
		Log: log, Gate: receive.NewGate(cfg), Named: cfg.Clients(), Codec: line.Codec, Refused: line.Refused, Clients: line.Mesh, Answers: answers,
		Counters: count, Meter: count, Now: time.Now,
	})
	decoder := &receive.Decoder{
		Self: cfg.ClientName, Rights: cfg, MaxRow: cfg.LargestRow(), Zone: time.UTC, Now: time.Now, Tables: defs, Transformers: scripts,
	}
	dispatcher := dispatch.New(dispatch.Config{
		Log: log, Node: cfg, Session: line.Session, Gate: receiver.Gate, Refused: line.Refused, Mesh: line.Mesh, Receiver: receiver, Answers: answers,
		Verifier: defs, Meter: count,
	})
	s.runs(&line)
	defer s.runs(nil)
	keeper := &kept{state: s.State(), inboxes: inboxes, came: func(table string) { s.tables[table].Came() }, gone: defs.gone}
	g, ctx := errgroup.WithContext(ctx)
	for _, stage := range []func(context.Context) error{
		dispatcher.Run, answers.Run,
		func(ctx context.Context) error { return line.Transport.Run(ctx, dispatcher.Handlers()) },
		func(ctx context.Context) error { return line.Mesh.Run(ctx, memory) },
		func(ctx context.Context) error { return receiver.Run(ctx, decoder, keeper) },
	} {
		g.Go(func() error { return stage(ctx) })
	}
	return g.Wait()
}

// runs sets the line for as long as it runs.
func (s *Service) runs(line *mesh.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = line
}

// Peer is a client in acceptFrom, and whether it is online.
type Peer struct {
	Name   string
	Known  bool      // false: this client is offline itself, and cannot tell
	Online bool      // according to its presence, which has not expired
	Since  time.Time // of being offline, if known
}

// Peers returns the clients in acceptFrom by name, whatever their rights.
func (s *Service) Peers() ([]Peer, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	heard := map[string]mesh.Client{}
	up, since := false, time.Time{}
	if line != nil {
		status := line.Transport.Status()
		up, since = status.Online && status.Silent == nil, status.Since
		for _, c := range line.Mesh.Clients() {
			heard[c.Name] = c
		}
	}
	var list []Peer
	for _, name := range cfg.Clients() {
		c := heard[name]
		p := Peer{Name: name, Known: up, Online: c.Online, Since: since}
		if c.Until.After(since) {
			p.Since = c.Until
		}
		list = append(list, p)
	}
	return list, nil
}

// nothing stands for what scripts would reach.
type nothing struct{}

var errNothing = errors.New("there are no scripts here")

// Query implements transform.Querier.
func (nothing) Query(context.Context, string, string) ([]value.Entity, error) { return nil, errNothing }

// Publish implements transform.Publisher.
func (nothing) Publish(context.Context, string, []byte, byte, bool) error { return errNothing }

// counting counts nothing: the runs count rows.
type counting struct{}

// Came implements receive.Counters.
func (counting) Came(string, time.Time) {}

// Received implements receive.Counters.
func (counting) Received(string, int, func(int) string, []wire.Reject) {}

// Applied implements receive.Meter.
func (counting) Applied(time.Duration) {}

// Panicked implements receive.Meter.
func (counting) Panicked() {}

// remembered is the mesh.Memory in the state.
type remembered struct {
	state *ledger.Ledger
	name  string
}

// Met implements mesh.Memory.
func (r remembered) Met(ctx context.Context, named []string, most int) (clients []mesh.Met, err error) {
	list, err := r.state.Met(ctx, r.name, most+len(named))
	if err != nil {
		return nil, fmt.Errorf("read who was met: %w", err)
	}
	for _, a := range list {
		clients = append(clients, mesh.Met(a))
	}
	return clients, nil
}

// Note implements mesh.Memory.
func (r remembered) Note(ctx context.Context, clients []mesh.Met, now time.Time) error {
	var list []ledger.Acquaintance
	for _, m := range clients {
		list = append(list, ledger.Acquaintance(m))
	}
	return r.state.Meet(ctx, r.name, list, now)
}
