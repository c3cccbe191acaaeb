package verify

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// Kinds of differences.
const (
	Differs      = "differs"
	MissingHere  = "missing here"
	MissingThere = "missing there"
	HeldButThere = "held back, but there" // the transformer returns null, and the remote has the row
)

// What a row is, if not a difference.
const (
	Absent       = ""             // on both sides
	Alike        = "alike"        // or the transformer's result
	HeldBack     = "held back"    // by a transformer, so the other side is right not to have it
	Incomparable = "incomparable" // a transformer changes it in a way that cannot be seen from here
)

// Sides is what is known of a row that may differ between two nodes.
type Sides struct {
	Here, There bool
	Same        bool   // as it is stored
	Pending     bool   // a change of it is on its way
	OwnThere    bool   // the remote wrote it last
	Way         string // what our transformer makes of the row on its way there
	AsSent      bool   // the remote has that result
	WayBack     string // what the remote's transformer makes of its row on its way here
	WayIn       string // what our transformer makes of it when it arrives, or is known to have made
	KnownThere  bool   // the remote has a version of it
	Taken       bool   // our transformer may change arriving rows
	TakenThere  bool   // the remote's transformer may change rows arriving there
}

// Verdict says what a row is: a kind of difference, or none. With transformers in between, the row should differ as
// they make it differ. Equal is said only of what was seen to be as it should; what cannot be seen from here is
// reported as such.
func (s Sides) Verdict() string {
	switch {
	case s.Here && s.There:
		return s.both()
	case s.Here:
		switch {
		case s.Way == wire.WayHeld, s.WayBack == wire.WayHeld:
			return HeldBack
		case !s.Pending && (unforeseeable(s.Way) || unforeseeable(s.WayBack) || s.TakenThere && !s.KnownThere):
			return Incomparable
		}
		return MissingThere
	case s.There:
		switch {
		case s.WayBack == wire.WayHeld:
			return HeldBack
		case s.WayIn == wire.WayHeld:
			return HeldBack
		case !s.Pending && (unforeseeable(s.WayBack) || unforeseeable(s.WayIn)):
			return Incomparable
		}
		return MissingHere
	}
	return Absent
}

// both is the verdict on a row that both sides have.
func (s Sides) both() string {
	switch {
	case s.Same && (s.Way == "" || s.OwnThere), s.AsSent:
		return Alike
	case s.Way == wire.WayHeld && s.OwnThere:
		return HeldBack // what the remote itself wrote stays there
	case s.Way == wire.WayHeld:
		return HeldButThere
	case s.Pending:
		return Differs
	case s.TakenThere, unforeseeable(s.Way), s.OwnThere && (s.Taken || s.WayBack != ""):
		return Incomparable
	}
	return Differs
}

// unforeseeable reports whether it is impossible to say what the other side should have.
func unforeseeable(way string) bool {
	return way == wire.WayRekeyed || way == wire.WayFailed || way == wire.WayUntold
}
