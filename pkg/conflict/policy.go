package conflict

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// The names of the policies, as the configuration and sync_conflicts have them.
const (
	LastWriteWins = "lastWriteWins"
	Priority      = "priority"
	Script        = "script"
	MergeColumns  = "merge"
)

// Policy is how the conflicts of one table are decided. The zero Policy is
// lastWriteWins. All nodes must have the same policy for a table.
type Policy struct {
	Name    string   // "" is lastWriteWins
	Clients []string // of priority: the first wins; unnamed clients come last
	// Counters are columns, of a table whose policy is merge, whose increments add up. All nodes must count the same.
	Counters []string
	// Received says that local writes of the table are not sent, so they are not counted either.
	Received bool
}

// Decides reports whether conflicts under p end with a new version.
func (p Policy) Decides() bool { return p.Name != "" && p.Name != LastWriteWins }

// Resolve is the function Resolve, except that the policy decides conflicts.
// Policies other than lastWriteWins end each conflict with a new version, which
// the caller passes on to everyone: it has seen the writes of both sides, so
// nodes that decided otherwise, or less, take it. Nodes that decide the same
// two make the same version. Promise 3.
//
// Under script, the decision is what stands if the script fails: the later
// version. Merge gives the script's row its version. Under merge, it is made by
// Columns.Join, which needs the rows.
func (p Policy) Resolve(local, incoming change.State) (Decision, change.State) {
	d, after := Resolve(local, incoming)
	if len(p.Counters) > 0 {
		switch { // whatever the versions say, no increment is dropped
		case d == Known && !after.Counts.Equal(local.Counts):
			return Lose, outcome(local, incoming, local.Version.Author(), nil)
		case d == Apply && !after.Counts.Equal(incoming.Counts):
			return Win, outcome(local, incoming, incoming.Version.Author(), nil)
		}
	}
	if !d.Conflict() || !p.Decides() {
		return d, after
	}
	switch c := cmp.Or(cmp.Compare(p.rank(local.Version), p.rank(incoming.Version)), newer(local, incoming)); {
	case c > 0:
		d = Win
	case c < 0:
		d = Lose
	}
	author := local.Version.Author()
	if d == Win {
		author = incoming.Version.Author()
	}
	return d, outcome(local, incoming, author, nil)
}

// rank is the place of a version's author; lower is better.
func (p Policy) rank(v change.Version) int {
	if i := slices.Index(p.Clients, v.Author()); i >= 0 {
		return i
	}
	return len(p.Clients)
}

// newer compares two states of one author's row by the author's own writes: the
// time of a decision says when others wrote. It returns -1 if the local row is
// newer, 0 if the authors differ.
func newer(local, incoming change.State) int {
	author := local.Version.Author()
	if author != incoming.Version.Author() {
		return 0
	}
	return cmp.Compare(incoming.Seen.With(incoming.Version).Latest(author), local.Seen.With(local.Version).Latest(author))
}

// Merge returns the state of a row that a script made of two. The row, in any
// form that is the same for the same row, tells its version from that of
// another result: a script that gives different nodes different results does no
// harm, as the later version then wins everywhere.
func Merge(local, incoming change.State, row []byte) change.State {
	return outcome(local, incoming, "", row)
}

// outcome returns the state of a row that was made of two: it has seen both.
func outcome(local, incoming change.State, author string, row []byte) change.State {
	seen := local.Seen.Merge(incoming.Seen).With(local.Version).With(incoming.Version)
	return change.State{Version: decided(local.Version, incoming.Version, author, row), Seen: seen, Counts: local.Counts.Join(incoming.Counts)}
}

// markBytes is how much of a hash tells decisions about one row apart.
const markBytes = 10

// decided returns the version of an outcome. It is later than both.
func decided(a, b change.Version, author string, row []byte) change.Version {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	var text []byte
	for _, v := range []change.Version{a, b} {
		text = binary.BigEndian.AppendUint64(text, uint64(v.Time))
		text = append(append(text, v.Origin...), 0)
	}
	sum := sha256.Sum256(append(text, row...))
	mark := base32.StdEncoding.EncodeToString(sum[:markBytes])
	return change.Decided(b.Time+1, author, strings.ToLower(mark))
}
