package conflict

import "github.com/mysql-sync/mysql-sync/pkg/change"

// doubted returns a version that stands for one whose time cannot be. It is older than
// any write that can, and later than one that nobody made. It is a write of its own: no
// vector has it for what it has of its author, so that it is kept where it loses.
func doubted(v change.Version) change.Version {
	v.Time >>= 20 // some minutes after 1970, in the order of the claims
	if !v.IsDecided() {
		v.Origin = change.Origin(v.Author(), "ahead")
	}
	return v
}

// Written returns the time of a write, in µs since 1970 as all times here, of which a
// server's clock claims one. server is the time by the same clock now, and now that of
// the node. A write was made neither after now nor later by the clock of the node than
// by that of a server that is ahead: the claim is taken back by as much as that is.
func Written(claimed, server, now int64) int64 {
	return min(claimed-max(server-now, 0), server, now)
}

// TooFarAhead reports whether a version cannot be believed, as of a time: no node takes
// it from another.
func TooFarAhead(v change.Version, now int64) bool { return v.Time > now+MaxAhead.Microseconds() }

// Believed returns what can be believed of the state that a node holds, where a clock
// was wrong when it was made. A version that is too far ahead is then older than any
// write, and what it claims to have seen in the future was not seen; but who made it
// had seen its own writes up to now.
func Believed(s change.State, now int64) change.State {
	if !TooFarAhead(s.Version, now) {
		return s
	}
	b := change.State{Version: doubted(s.Version)}
	for _, v := range s.Seen {
		if TooFarAhead(v, now) {
			if v.Origin != s.Version.Origin {
				continue
			}
			v.Time = now
		}
		b.Seen = b.Seen.With(v)
	}
	return b
}
