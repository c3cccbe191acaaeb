package deliver

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Config is what the senders of a node share.
type Config struct {
	Log    *zap.Logger
	Now    func() time.Time
	Syncs  func(table string) bool
	Outbox Outbox
	Stream Stream
	Rows   Rows
	Tables Tables
	Routes Routes // nil: each remote has all rows
	Turns  *Turns // to catch up, shared by the senders; nil: all at once
	Loads  *Loads // shared by the senders; nil: each reads by itself
	// Transfer returns what is left of the tables being sent to a remote as a whole, except some that cannot be read;
	// nil: nothing.
	Transfer func(ctx context.Context, remote string, apart map[string]bool) (Transfer, error)
	// Paused returns what people have paused: whether nothing is sent to a remote, and the tables of which nothing is;
	// nil: nothing is paused.
	Paused func(remote string) (all bool, tables map[string]bool)
	// Denied decides about rows of which a remote claims to have later writes: some count as done, some as refused, the
	// others are written again.
	Denied func(ctx context.Context, remote string, held []Held) (done []outbox.Sent, refused []render.Refusal, err error)
	// Refused is called with rows that a remote has refused, once they are recorded.
	Refused  func(ctx context.Context, failed []outbox.Failure) error
	Counters Counters
}

// Routes say which remotes have which rows; see route.Router.
type Routes interface {
	// Routed reports whether a table's rows go to some remotes only, and Ready whether it is known to which.
	Routed(table string) bool
	Ready(table string) bool
	// Unready returns the tables that are not ready.
	Unready() []string
	// Moving reports whether rows have moved whose children have not followed yet.
	Moving() bool
	// To reports whether a remote has the rows with a label.
	To(table string, label uint32, remote string) bool
}

// Stream holds the rows in the order of their last changes; see version.Stream.
type Stream interface {
	Visible(ctx context.Context) (int64, error)
	Read(ctx context.Context, after, upTo int64, limit int) ([]version.Waiting, error)
	ReadTable(ctx context.Context, table string, after, upTo int64, limit int) ([]version.Waiting, error)
}

// Rows reads rows and renders them for a remote; see package render.
type Rows interface {
	Render(ctx context.Context, to render.Target, items []outbox.Item) (*render.Rendering, error)
	// Transforms reports whether a table has a transformer; Transformed returns the tables that have one.
	Transforms(table string) bool
	Transformed() []string
	// Note records the next rows of a table that the remote may hold; it returns how many, and whether there are no
	// more.
	Note(ctx context.Context, remote string, at *outbox.Noting) (noted int, finished bool, err error)
}

// Tables are the tables as defined in the database; see schema.Tables.
type Tables interface {
	Identify(ctx context.Context, rows []change.Row) error
	ID(ctx context.Context, r change.Row) string
	ParentsFirst(ctx context.Context, tables []string) ([][]string, error)
	Parents(ctx context.Context, table string) []string
	SetAside(table string, err error) bool
}

// Transfer is what is left of tables being sent as a whole; see snapshot.Transfer.
type Transfer interface {
	Look(ctx context.Context) error
	Next(ctx context.Context, limit int) ([]snapshot.Piece, error)
	Cut(pieces []snapshot.Piece, n int) []snapshot.Piece
	Apart() (table string, all map[string]bool)
	Acked(ctx context.Context, pieces []snapshot.Piece) error
}

// Counters count traffic, message by message; see status.Traffic.
type Counters interface {
	Published(remote string)
	Sent(remote string, n int, table func(int) string)
	Refused(remote string, failed []outbox.Failure)
	Unanswered(remote string, messages int)
}

// Outbox is what remotes need and have; see outbox.Outbox.
type Outbox interface {
	PlaceOf(ctx context.Context, remote string) (outbox.Place, error)
	Done(ctx context.Context, remote string, sent []outbox.Sent, at *outbox.Place, holds bool) (left int, err error)
	Fail(ctx context.Context, remote string, failed []outbox.Failure) error
	Later(ctx context.Context, remote string, sent []outbox.Sent) error

	// Marked rows.
	Next(ctx context.Context, remote string, after int64, limit int, without []string) ([]outbox.Item, error)
	Holds(ctx context.Context, remote string) (bool, error)
	WaitingTables(ctx context.Context, remote string) ([]string, error)
	Retry(ctx context.Context, remote, table string, due time.Time, limit int) (int, error)
	RetryRows(ctx context.Context, remote string, rows []change.Row) (int, error)
	RetryBy(ctx context.Context, remote, table string, latest time.Time) error
	NextRetry(ctx context.Context, remote, table string) (time.Time, bool, error)

	// Rows of tables that the remote does not accept, or that are paused.
	Kept(ctx context.Context, remote string) (map[string]int64, error)
	KeepBack(ctx context.Context, remote, table string, after int64) error
	GiveBack(ctx context.Context, remote, table string, rows []change.Row, upTo int64, end bool) error

	// What sync_status shows.
	ShowPending(ctx context.Context, remote string, rows []version.Waiting, at outbox.Place) error
	Overtaken(ctx context.Context, remote string, rows []change.Row) error
	Withdrawn(ctx context.Context, remote string, rows []change.Row) error

	Unnoted(ctx context.Context, remote string, tables []string) ([]outbox.Noting, error)
}
