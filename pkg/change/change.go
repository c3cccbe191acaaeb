// Package change holds the noun that all stages pass on: a change of a row, with the row's key, its
// version and the client where it was made.
//
// Promises 2 and 3 depend on versions: two nodes that hold the same version of a row hold the same
// row. How versions are compared and made is package conflict's business.
package change

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

// Row names a row: its table and the key form of its primary key. Of a row that
// may be spelled in several ways, as 'bob' and 'Bob' where the column's collation
// takes them for one, Key is one of the spellings; see Identity.
type Row struct {
	Table string
	Key   string
	id    string // where it does not follow from Key
}

// LongestID is the longest an ID may be, in bytes. Keys that long or longer are hashed.
const (
	LongestID  = 64
	hashLength = 24
)

// ID returns the short form of the key under which the own tables keep the row.
// All spellings of a row have the same.
func (r Row) ID() string {
	if r.id != "" {
		return r.id
	}
	return Short(r.Key)
}

// Short returns the ID of a key: the key itself if it has fewer than 64 bytes,
// else 64 bytes made of its beginning and part of its SHA-256, so that
// neighbouring keys have neighbouring IDs.
func Short(key string) string {
	if len(key) < LongestID {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return key[:LongestID-hashLength] + string(sum[:hashLength])
}

// WithID returns the row under an ID that its spelling does not show.
func (r Row) WithID(id string) Row {
	r.id = ""
	if id != Short(r.Key) {
		r.id = id
	}
	return r
}

// Stored returns the row that the own tables keep under an ID, with its key
// unless the ID is the whole key.
func Stored(table, id string, key []byte) Row {
	if key == nil {
		return Row{Table: table, Key: id}.WithID(id) // of 64 bytes where an older version kept no key
	}
	return Row{Table: table, Key: string(key)}.WithID(id)
}

// Identity returns what is equal for all spellings of a row, and for no other.
func (r Row) Identity() Row { return Row{Table: r.Table, Key: r.ID()} }

// Compare orders rows by table and key, the order in which all locks are taken.
func (r Row) Compare(o Row) int {
	return cmp.Or(strings.Compare(r.Table, o.Table), strings.Compare(r.Key, o.Key))
}

// Version is the logical time of a write, in microseconds since 1970, and the
// client that made it. The zero Version is that of a row never seen.
type Version struct {
	Time   int64
	Origin string
}

// Compare orders versions by time and then by origin: the later write wins.
func (v Version) Compare(o Version) int {
	return cmp.Or(cmp.Compare(v.Time, o.Time), strings.Compare(v.Origin, o.Origin))
}

// IsZero reports whether v is the version of a row never seen.
func (v Version) IsZero() bool { return v.Time == 0 && v.Origin == "" }

// Separators in an origin after the client's name; no client name contains them.
const (
	decided = "@" // before the mark of a version that no client wrote
	life    = "~" // before the name of a client's later life
)

// Origin returns the origin of a client's writes. A client whose database was
// restored from a backup begins a new life, with any name: like another client,
// it has not seen the writes of its previous life. The name of the first life is
// empty.
func Origin(client, name string) string {
	if name == "" {
		return client
	}
	return client + life + name
}

// Decided returns the version that a conflict policy gives a row made of two.
// Author is the client whose row won, or empty if none did. Mark tells the
// outcome from any other: nothing else does, as no client wrote it.
func Decided(time int64, author, mark string) Version {
	return Version{Time: time, Origin: author + decided + mark}
}

// IsDecided reports whether v was made by a conflict policy.
func (v Version) IsDecided() bool { return strings.Contains(v.Origin, decided) }

// Author returns the client that wrote v, in whichever life; for a decided
// version, the client whose row won, which may be empty.
func (v Version) Author() string {
	author, _, _ := strings.Cut(v.Origin, decided)
	author, _, _ = strings.Cut(author, life)
	return author
}

// Vector is what a version has seen: the latest time of each origin whose writes went
// into the row. It is sorted by origin and never holds an origin twice. Decided versions
// are never in it: they are not writes, and not made in any order.
type Vector []Version

// Has reports whether the write v had been seen.
func (w Vector) Has(v Version) bool {
	i, ok := slices.BinarySearchFunc(w, v.Origin, byOrigin)
	return ok && w[i].Time >= v.Time
}

// Latest returns the time of the latest write of a client that had been seen, or 0.
func (w Vector) Latest(client string) int64 {
	var t int64
	for _, v := range w {
		if v.Author() == client {
			t = max(t, v.Time)
		}
	}
	return t
}

// Covers reports whether w has seen every write that o has. A row of the Baseline is nobody's write: nodes that held it
// do not say so, and drop it from what others say.
func (w Vector) Covers(o Vector) bool {
	return !slices.ContainsFunc(o, func(v Version) bool { return v.Time > Baseline && !w.Has(v) })
}

// With returns a vector that has seen v too; w is not changed.
func (w Vector) With(v Version) Vector {
	if v.IsZero() || v.IsDecided() || w.Has(v) {
		return w
	}
	i, ok := slices.BinarySearchFunc(w, v.Origin, byOrigin)
	c := slices.Clone(w)
	if ok {
		c[i].Time = v.Time
		return c
	}
	return slices.Insert(c, i, v)
}

// Merge returns a vector that has seen what w and o have.
func (w Vector) Merge(o Vector) Vector {
	for _, v := range o {
		w = w.With(v)
	}
	return w
}

func byOrigin(v Version, origin string) int { return strings.Compare(v.Origin, origin) }

// State is what a node knows about a row's history: the version it holds, and
// what that version had seen. The zero State is that of a row never seen.
//
// The version itself is not in the vector: that would claim to have seen all
// earlier writes of its origin. (Dotted version vectors: Preguiça et al.,
// "Dotted Version Vectors: Logical Clocks for Optimistic Replication", 2010.)
type State struct {
	Version Version
	Seen    Vector
	Made    *Made  // by which writes the columns were made; nil: by the version
	Counts  Counts // of the counters, which add up whatever the version; nil: nothing is known of any
}

// WrittenBy reports whether a client wrote the row, and no one has written it since.
func (s State) WrittenBy(client string) bool { return s.Version.Author() == client }

// Knows reports whether the state holds v, or v went into it.
func (s State) Knows(v Version) bool { return s.Version == v || s.Seen.Has(v) }

// Latest returns the time of an origin's latest write that the state holds or that went into it, or 0 if there is none.
func (s State) Latest(origin string) int64 {
	var t int64
	if i, ok := slices.BinarySearchFunc(s.Seen, origin, byOrigin); ok {
		t = s.Seen[i].Time
	}
	if s.Version.Origin == origin {
		t = max(t, s.Version.Time)
	}
	return t
}

// Merge returns the state of a row after two states of it have met: it has seen
// what both have seen, and the version that lost. wins says that o wins.
func (s State) Merge(o State, wins bool) State {
	if wins {
		s, o = o, s
	}
	m := State{Version: s.Version, Seen: s.Seen.Merge(o.Seen), Made: s.Made, Counts: s.Counts.Join(o.Counts)}
	if o.Version != s.Version {
		m.Seen = m.Seen.With(o.Version)
	}
	return m
}

// Baseline is the version time of a row that has not been written since the
// node began to keep versions. Any write is later.
const Baseline = 1

// Change is a row as one client has it: its state and its columns in stored
// form. Columns is nil for a delete; a change of only some columns writes only
// those. OnlyMissing says that it must not overwrite a row that exists, or
// existed.
type Change struct {
	Row
	State
	OnlyMissing bool
	// Withdrawn says that the receiver has the row no more, which others still have: it has no columns, and is no delete.
	Withdrawn bool
	// Token orders what a sender says about who has the row, which versions do not: the later word counts. 0: everyone has it.
	Token   int64
	Columns []string
	Values  [][]byte
}

// Deleted reports whether the change takes the row away: it is deleted, or Withdrawn.
func (c *Change) Deleted() bool { return c.Columns == nil }

// Micros returns t as a version's time.
func Micros(t time.Time) int64 { return t.UnixMicro() }
