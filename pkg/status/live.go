package status

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

// Live is a snapshot of what only a running node knows. For a stopped node it is empty.
type Live struct {
	Broker  Link
	Capture Captured
	SetBack *time.Time
	Step    Step

	Clients      map[string]Client
	Declines     func(remote, table string) bool // nil: each takes every table
	Found        map[string]int64                // conflicts since the start, by table
	Altered      map[string]int64                // likewise values stored differently from how they arrived
	Transformers []Transformer
	Paused       paused.Set // what a stopped node's tables tell, too
	Led          *lead.Standing
	Leads        []lead.Profile
	Trouble      Trouble
}

// due reports whether rows of a table that are held back from a remote will be sent to it: they are paused, or the remote
// accepts them by now.
func (l *Live) due(remote, table string) bool {
	if l.Declines != nil {
		return !l.Declines(remote, table)
	}
	return l.Paused.Holds(remote, table)
}

// Client is what a running node knows about another client.
type Client struct {
	Online   bool
	Heard    time.Time // zero: not in this run
	Node     bool      // known as a node, from this run or an earlier one
	Batches  bool      // it speaks the batch extension
	InFlight int       // rows
	Unopened int64     // messages
	Key      string
	Ahead    time.Duration // its clock
	Behind   time.Duration
	Mute     time.Time // since when it has not answered; zero: it does
}

// Trouble is what is wrong with a running node and appears in a State only as a problem.
type Trouble struct {
	Vanished map[string]time.Time // tables whose rows vanished without a trigger
	Unseen   map[string]time.Time // tables that may have been written while the node was down
	Denied   []capture.Denied     // cascades that are not captured
	Capture  error                // local writes cannot be recorded
	Tables   error                // the tables and their triggers cannot be checked
	Unkept   string               // why others may not hear of this node
	Triggers []apply.Altered      // users' triggers that change received rows
	Stuck    []apply.Stuck        // cannot be written now
	Held     []schema.Aside       // cannot be read now
	Unarmed  []string             // tables whose triggers cannot be created now
	Asking   []sites.Waiting      // sites that a person has to let in
}
