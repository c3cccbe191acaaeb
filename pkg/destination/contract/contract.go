package contract

import (
	"net/http"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// World is a destination and its empty peer. Its rows have the columns id, the key, and v, both whole numbers;
// no two have the same v.
type World struct {
	// Open returns the destination as a fresh process has it. The configuration is what all services
	// share; of a database, only Dry matters.
	Open func(tb testkit.TB, r remote.Config) job.Destination
	// Has returns the peer's rows as JSON objects, in any order. The peer's own columns do not matter.
	Has func(tb testkit.TB) []string
	// Bad is the data of a row 4 that is unacceptable, while row 1 is fine; "": v is the text BAD, and an HTTP peer that
	// would accept that answers 422.
	Bad string
	// Peer is the HTTP peer; nil: it is a database.
	Peer Peer
	// Limit makes the peer enforce its service's documented limit, which must then never be exceeded; nil: the peer
	// answers 429 for a second, with Retry-After, and nothing may be sent meanwhile.
	Limit func()
	// Most is how many rows a slow database may be sent; 0: more than a batch has.
	Most int
}

// Peer is a stand-in for a service, as in package standin.
type Peer interface {
	Fail(standin.Fault)
	Carry(http.ResponseWriter, *http.Request)
	Requests() []standin.Request
}

// Point is one point of the contract. Check fails the test if the destination does not keep it.
type Point struct {
	Name  string
	Check func(tb testkit.TB, w *World)
}

// Points are all points.
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

// Run tests all points, each in its own world.
func Run(t *testing.T, create func(testkit.TB) *World) {
	for _, p := range Points {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			p.Check(t, create(t))
		})
	}
}
