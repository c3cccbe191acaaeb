package verify

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
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

// Config is what a Verifier is made of.
type Config struct {
	Line
	Log       *zap.Logger
	Node      *config.Config
	Now       func() time.Time
	Origin    string // of the writes that are made here
	DB        *mysqldb.DB
	Tables    *schema.Tables
	Stream    *version.Stream
	Outbox    *outbox.Outbox
	Rows      *render.Renderer
	Rehearser *render.Renderer // the same, by scripts that have no consequences
	Decoder   *receive.Decoder // by those scripts
	Applier   Applier
	Events    Events
}

// Applier has the changes that wait for rows which refer to theirs; see apply.Applier.
type Applier interface {
	Held(before time.Time, limit int) []apply.Held
	Settle(ctx context.Context, h apply.Held, strangers []change.Row) error
}

// Events receives what a Verifier does.
type Events interface {
	// Marked says that rows were marked for a remote.
	Marked(remote string)
	// Compared says how a table compares, before anything is repaired.
	Compared(ctx context.Context, c status.Comparison) error
	// Settled says that waiting changes were decided.
	Settled(ctx context.Context)
	// Panicked says what went wrong with a question.
	Panicked(err any, stack []byte)
}

// Verifier compares tables with those of remotes, and answers what these ask. It is safe for concurrent use.
type Verifier struct {
	Config

	asking    asking
	questions *receive.Questions
	guesses   *receive.Guesses
}

// New returns a Verifier that answers some clients; all others share one place.
func New(c Config, clients []string) *Verifier {
	return &Verifier{Config: c, asking: asking{waiting: map[asked]chan wire.Answer{}}, questions: receive.NewQuestions(clients), guesses: receive.NewGuesses(clients)}
}

// sends reports whether a remote is sent a table.
func (vf *Verifier) sends(remote, table string) bool {
	return slices.Contains(vf.Node.RemoteClients, remote) && vf.Node.Syncs(table)
}
