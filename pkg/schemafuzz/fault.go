package schemafuzz

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Fault is something that happens while users write, and is over when they are done.
type Fault struct {
	Kind string // empty: none
	Site int
	At   time.Duration // after the users begin
}

// The kinds of a fault.
const (
	killNode     = "kill -9 of the node"
	stopNode     = "stop of the node"
	killBroker   = "kill -9 of the broker"
	cutBroker    = "cut to the broker"
	dropBroker   = "connections to the broker dropped"
	cutDatabase  = "cut between node and database"
	dropDatabase = "connections between node and database dropped"
)

func newFault(r *rand.Rand, sites int) Fault {
	kinds := []string{killNode, killNode, stopNode, killBroker, cutBroker, dropBroker, cutDatabase, dropDatabase}
	return Fault{Kind: pick(r, kinds), Site: r.IntN(sites), At: time.Duration(r.IntN(300)) * time.Millisecond}
}

func (f Fault) String() string {
	if f.Kind == "" {
		return "no fault"
	}
	return fmt.Sprintf("%s at %s after %v", f.Kind, siteName(f.Site), f.At)
}

// siteName is the client of a site.
func siteName(site int) string { return "node-" + string(rune('a'+site)) }
