package status

// How a table stands with a remote. "In step" is said only of what was seen: the remote is
// online, was sent the whole table once, and has acked everything since.
const (
	NotSent   = "not sent"        // by the configuration
	NeverSent = "never sent"      // it has not been sent the table yet
	NotTaken  = "not taken"       // it does not accept the table
	Sending   = "sending"         // it is being sent the table as a whole
	Paused    = "paused"          // a person has paused it
	Pending   = "pending"         // rows wait for it
	Refused   = "refused"         // it refuses rows
	Idle      = "nothing pending" // it is offline, or only gets changes
	InStep    = "in step"
)

// road is what standing depends on besides a stream's counts.
type road struct {
	Sends   bool // the table is sent to the remote
	Online  bool // the remote is online
	Met     bool // it was online once
	Initial bool // it must first be sent the whole table
	Whole   bool // it was sent the whole table
	Begun   bool // it is being sent it
}

// standing says how a table stands with a remote.
func (s Stream) standing(r road) string {
	switch {
	case !r.Sends:
		return NotSent
	case s.Paused:
		return Paused
	case s.Pending.Rows > 0:
		return Pending
	case s.Errors > 0:
		return Refused
	case s.KeptBack:
		return NotTaken
	case r.Begun:
		return Sending
	case !r.Whole && (r.Initial || !r.Met):
		return NeverSent
	case r.Whole && r.Online:
		return InStep
	}
	return Idle
}

// stand sets how a remote's streams stand, and how many tables it was never sent.
func (r *Remote) stand(streams []Stream, of func(table string) road) {
	r.NeverSent = 0
	for i := range streams {
		s := &streams[i]
		if s.Remote != r.Name {
			continue
		}
		if s.Standing = s.standing(of(s.Table)); s.Standing == NeverSent {
			r.NeverSent++
		}
	}
}
