package verify

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// Kinds of differences.
const (
	differs      = "differs"
	missingHere  = "missing here"
	missingThere = "missing there"
	heldButThere = "held back, but there" // the transformer returns null, and the remote has the row
)

// What a row is, if it is no difference.
const (
	absent       = ""             // on both sides
	alike        = "alike"        // or what the transformer makes of it
	heldBack     = "held back"    // by a transformer, and so the other side is right not to have it
	incomparable = "incomparable" // a transformer changes it, in a way that cannot be seen from here
)

// sides is what is known of a row that two nodes may not have alike.
type sides struct {
	here, there bool
	same        bool   // as it is stored
	pending     bool   // something of it is on its way
	ownThere    bool   // the remote wrote it last
	way         string // what a transformer of ours makes of the row on its way there
	asSent      bool   // the remote has what that is
	wayBack     string // what a transformer of the remote makes of its row on its way here
	wayIn       string // what a transformer of ours makes of it where it comes in, or what it is known to have made
	knownThere  bool   // there is a version of it at the remote
	taken       bool   // a transformer of ours may change what comes in
	takenThere  bool   // one of the remote may change what comes in there
}

// verdict says what a row is: a kind of difference, or none. Where transformers are in
// between it is right that the row differs as they make it differ. Equal is said only of
// what was seen to be as it should; what cannot be seen from here is said to be so.
func (s sides) verdict() string {
	switch {
	case s.here && s.there:
		return s.both()
	case s.here:
		switch {
		case s.way == wire.WayHeld, s.wayBack == wire.WayHeld:
			return heldBack
		case !s.pending && (unforeseeable(s.way) || unforeseeable(s.wayBack) || s.takenThere && !s.knownThere):
			return incomparable
		}
		return missingThere
	case s.there:
		switch {
		case s.wayBack == wire.WayHeld:
			return heldBack
		case s.wayIn == wire.WayHeld:
			return heldBack
		case !s.pending && (unforeseeable(s.wayBack) || unforeseeable(s.wayIn)):
			return incomparable
		}
		return missingHere
	}
	return absent
}

// both is the verdict on a row that both sides have.
func (s sides) both() string {
	switch {
	case s.same && (s.way == "" || s.ownThere), s.asSent:
		return alike
	case s.way == wire.WayHeld && s.ownThere:
		return heldBack // what the remote wrote itself stays with it
	case s.way == wire.WayHeld:
		return heldButThere
	case s.pending:
		return differs
	case s.takenThere, unforeseeable(s.way), s.ownThere && (s.taken || s.wayBack != ""):
		return incomparable
	}
	return differs
}

// unforeseeable reports whether it cannot be said what the other side should have.
func unforeseeable(way string) bool {
	return way == wire.WayRekeyed || way == wire.WayFailed || way == wire.WayUntold
}
