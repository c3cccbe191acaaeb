package verify

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// Kinds of differences.
const (
	differs      = "differs"
	missingHere  = "missing here"
	missingThere = "missing there"
	heldButThere = "held back, but there" // the transformer returns null, and the remote has the row
)

// What a row is, if not a difference.
const (
	absent       = ""             // on both sides
	alike        = "alike"        // or the transformer's result
	heldBack     = "held back"    // by a transformer, so the other side is right not to have it
	incomparable = "incomparable" // a transformer changes it in a way that cannot be seen from here
)

// sides is what is known of a row that may differ between two nodes.
type sides struct {
	here, there bool
	same        bool   // as it is stored
	pending     bool   // a change of it is on its way
	ownThere    bool   // the remote wrote it last
	way         string // what our transformer makes of the row on its way there
	asSent      bool   // the remote has that result
	wayBack     string // what the remote's transformer makes of its row on its way here
	wayIn       string // what our transformer makes of it when it arrives, or is known to have made
	knownThere  bool   // the remote has a version of it
	taken       bool   // our transformer may change arriving rows
	takenThere  bool   // the remote's transformer may change rows arriving there
}

// verdict says what a row is: a kind of difference, or none. With transformers in between, the row should differ as
// they make it differ. Equal is said only of what was seen to be as it should; what cannot be seen from here is
// reported as such.
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
		return heldBack // what the remote itself wrote stays there
	case s.way == wire.WayHeld:
		return heldButThere
	case s.pending:
		return differs
	case s.takenThere, unforeseeable(s.way), s.ownThere && (s.taken || s.wayBack != ""):
		return incomparable
	}
	return differs
}

// unforeseeable reports whether it is impossible to say what the other side should have.
func unforeseeable(way string) bool {
	return way == wire.WayRekeyed || way == wire.WayFailed || way == wire.WayUntold
}
