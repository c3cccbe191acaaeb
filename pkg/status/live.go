package status

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Live is a snapshot of what only a running node knows. For a stopped node it is empty.
type Live struct {
	Version  string
	Started  time.Time
	LogLevel string
	Broker   Link
	SetBack  *time.Time
	Step     Step

	Clients      map[string]Client
	Declines     func(remote, table string) bool // nil: each takes every table
	Found        map[string]int64                // conflicts since the start, by table
	Altered      map[string]int64                // likewise values that are stored otherwise than they came
	Transformers []Transformer
	Trouble      Trouble
}

// Client is what a running node knows about another client.
type Client struct {
	Online   bool
	Heard    time.Time // zero: not in this run
	Node     bool      // it was met as a node, in this run or an earlier one
	Batches  bool      // it speaks the batch extension
	InFlight int       // rows
	Unopened int64     // messages
	Key      string
	Ahead    time.Duration // its clock
	Behind   time.Duration
	Mute     time.Time // since when it answers nothing; zero: it does
}

// Trouble is what is wrong with a running node and shows up in a State only as a problem.
type Trouble struct {
	Vanished map[string]time.Time // tables of which rows went without a trigger
	Unseen   map[string]time.Time // tables that may have been written while the node was away
	Denied   []capture.Denied     // cascades that are not captured
	Tables   error                // the tables and their triggers cannot be looked at
	Unkept   string               // why others may not hear of this node
	Triggers []apply.Altered      // of users, that change what is received
	Stuck    []apply.Stuck        // cannot be written now
	Held     []schema.Aside       // cannot be read now
	Unarmed  []string             // tables whose triggers cannot be made now
}
