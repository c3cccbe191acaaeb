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
)

// Policy is how the conflicts of one table are decided. The zero Policy is
// lastWriteWins. All nodes must have the same for a table.
type Policy struct {
	Name    string   // "" is lastWriteWins
	Clients []string // of priority: the first wins; those that are not named come last
}

// Decides reports whether conflicts under p end with a new version.
func (p Policy) Decides() bool { return p.Name != "" && p.Name != LastWriteWins }

// Resolve is the function Resolve, but a conflict is decided by the policy. The
// policies other than lastWriteWins end each conflict with a new version, which
// the caller passes on to everybody: it has seen the writes of both sides, so
// that all who decided otherwise, or less, take it. Those who decide the same
// two make the same version. Promise 3.
//
// Under script, the decision is what stands if the script fails: the later
// version. What the script makes is given its version by Merge.
func (p Policy) Resolve(local, incoming change.State) (Decision, change.State) {
	d, after := Resolve(local, incoming)
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

// rank is the place of a version's author, the lower the better.
func (p Policy) rank(v change.Version) int {
	if i := slices.Index(p.Clients, v.Author()); i >= 0 {
		return i
	}
	return len(p.Clients)
}

// newer compares two states of one author's row by what the author wrote: a
// decision's own time says when others wrote. It returns -1 where the local row
// is the newer one, 0 where the authors are not the same.
func newer(local, incoming change.State) int {
	author := local.Version.Author()
	if author != incoming.Version.Author() {
		return 0
	}
	return cmp.Compare(incoming.Seen.With(incoming.Version).Latest(author), local.Seen.With(local.Version).Latest(author))
}

// Merge returns the state of a row that a script has made of two. The row, in
// any form that is the same for the same row, tells the version from that of
// another result: a script that gives one node this and another that does no
// harm, as the later of the two versions then stands everywhere.
func Merge(local, incoming change.State, row []byte) change.State {
	return outcome(local, incoming, "", row)
}

// outcome returns the state of a row that was made of two: it has seen both.
func outcome(local, incoming change.State, author string, row []byte) change.State {
	seen := local.Seen.Merge(incoming.Seen).With(local.Version).With(incoming.Version)
	return change.State{Version: decided(local.Version, incoming.Version, author, row), Seen: seen}
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
