package contract

import (
	"net/http"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// World is a destination and its peer, which is empty. Its rows have the columns id, the key, and v, both whole numbers;
// no two have the same v.
type World struct {
	// Open returns the destination as a process has it that has just started. The configuration is what all services
	// share; of a database, only Dry matters.
	Open func(tb testkit.TB, r remote.Config) job.Destination
	// Has returns the rows that the peer has, as JSON objects, in any order. Columns of the peer's own do not matter.
	Has func(tb testkit.TB) []string
	// Bad is the data of a row 4 that cannot be taken, while row 1 can; "": v is the text BAD, and an HTTP peer that
	// would take that answers 422.
	Bad string
	// Peer is who is spoken to by HTTP; nil: it is a database.
	Peer Peer
	// Limit has the peer enforce the limit that its service documents, which may then never be exceeded; nil: the peer
	// answers 429 for a second, with Retry-After, and nothing may be sent meanwhile.
	Limit func()
	// Most is how many rows a slow database may be sent; 0: more than a batch takes.
	Most int
}

// Peer is a stand-in for a service. Those of package standin are.
type Peer interface {
	Fail(standin.Fault)
	Carry(http.ResponseWriter, *http.Request)
	Requests() []standin.Request
}

// Point is one that a destination keeps. Check fails the test if it does not.
type Point struct {
	Name  string
	Check func(tb testkit.TB, w *World)
}

// Points are all of them.
var Points = []Point{
	{"order", order},
	{"resume after kill -9 before a batch is sent", resume(false)},
	{"resume after kill -9 before its answers are booked", resume(true)},
	{"doubt about what has not arrived", doubt(false)},
	{"doubt about what has arrived", doubt(true)},
	{"refusal of one row in a batch", refusal},
	{"rate limit", limit},
	{"cancel before a batch has arrived", cancel(false)},
	{"cancel after it has arrived", cancel(true)},
	{"dry run", dry},
}

// Run tests all points, each in a world of its own.
func Run(t *testing.T, create func(testkit.TB) *World) {
	for _, p := range Points {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			p.Check(t, create(t))
		})
	}
}
