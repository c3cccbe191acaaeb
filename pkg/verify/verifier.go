package verify

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Line is how a node and its remotes ask each other.
type Line struct {
	Session   uint64 // of this run of the node: questions are numbered from there
	Topics    wire.Topics
	Mesh      *mesh.Mesh
	Transport *transport.Session
	Refused   *mesh.Refusals
}

// Ways are those that rows take between a node and its remotes.
type Ways struct {
	Routes    Routes
	Rows      *render.Renderer
	Rehearser *render.Renderer // the same, through scripts without side effects
	Decoder   *receive.Decoder // through those scripts
}

// Config is what a Verifier is made of.
type Config struct {
	Line
	Log    *zap.Logger
	Node   *config.Config
	Now    func() time.Time
	Origin string // of the writes that are made here
	DB     *mysqldb.DB
	Tables *schema.Tables
	Stream *version.Stream
	Outbox *outbox.Outbox
	Source capture.Asked // of local writes
	Ways
	Applier Applier
	Events  Events
}

// Applier has the changes that wait for rows that refer to theirs; see apply.Applier.
type Applier interface {
	Held(before time.Time, limit int) []apply.Held
	Settle(ctx context.Context, h apply.Held, strangers []change.Row) error
}

// Events receives what a Verifier does, and knows what else goes on.
type Events interface {
	// Paused reports whether a person has paused sending a table to a remote.
	Paused(remote, table string) bool
	// Marked is called when rows were marked for a remote.
	Marked(remote string)
	// Compared is called with the result of comparing a table, before anything is repaired.
	Compared(ctx context.Context, c status.Comparison) error
	// Settled is called when waiting changes were decided.
	Settled(ctx context.Context)
	// Panicked is called when a question caused a panic.
	Panicked(err any, stack []byte)
}

// Verifier compares tables with those of remotes, and answers their questions. It is safe for concurrent use.
type Verifier struct {
	Config

	self      Self
	asking    asking
	questions *receive.Questions
	reports   *receive.Questions // of sites that this node leads: they wait for no others
	guesses   *receive.Guesses
}

// Self tells how the node is, what it leads, and does what others ask for.
type Self interface {
	Summary(ctx context.Context) (wire.Summary, error)
	// Lead returns the signed configuration for a client that has what it reports; nil if it has the latest.
	Lead(client string, has wire.Led) ([]byte, error)
	// Act does what a client asks for, in a question sealed with the key of this ID, or returns why nothing was done.
	Act(ctx context.Context, client, sealed string, a *wire.Act) (wire.Acted, error)
}

// New returns a Verifier that answers some clients; all others share one place.
func New(c Config, self Self, clients []string) *Verifier {
	return &Verifier{Config: c, self: self, asking: asking{waiting: map[asked]chan wire.Answer{}}, questions: receive.NewQuestions(clients), reports: receive.NewQuestions(clients), guesses: receive.NewGuesses(clients)}
}

// Run answers remotes' questions, compares tables as often as configured, and has changes decided that rows here hold
// up, until ctx ends.
func (vf *Verifier) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{vf.answerAll, vf.compareAll, vf.settleHeld} {
		g.Go(func() error { return part(ctx) })
	}
	return g.Wait()
}

// sends reports whether a remote is sent a table.
func (vf *Verifier) sends(remote, table string) bool {
	return slices.Contains(vf.Node.RemoteClients, remote) && vf.Node.Syncs(table)
}
