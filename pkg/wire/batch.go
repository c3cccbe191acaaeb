package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Limits of a foreign batch. Our senders come nowhere near them. They bound memory, of which a few bytes of a body, or far
// fewer in packed form, can take a lot: a row 200 bytes, a value 24, an entry of a vector 24.
const (
	maxRows    = 2000
	maxOrigins = 10_000  // clients named
	maxColumns = 4096    // of a table: MySQL's limit
	maxNames   = 1 << 16 // of columns, in all sections
	maxSeen    = 256     // entries of a row's vector
	maxSeenAll = 1 << 17 // entries of all vectors
	maxValues  = 1 << 19 // of all rows
	maxKey     = 16 << 10
	maxName    = 256 // bytes of a table's or a column's name: MySQL's 64 characters
)

var errShort = errors.New("the batch ends early")

// Batch is a number of changes from one node to another. Seq counts the batches
// of a sender's Session, the random number of one run of its process; together
// they name a batch in its ack. Sent is in ms since 1970, by the sender's
// clock.
type Batch struct {
	Session uint64
	Seq     uint64
	Sent    int64
	Changes []change.Change
}

// appendBody appends the batch without its header: the time, the clients named,
// then, for each run of changes with the same table and columns, the names and
// the rows. Values are the server's own text, preceded by their length. Times
// are differences, since zstd cannot compress their digits.
func (b *Batch) appendBody(p []byte) []byte {
	origins, index := b.origins()
	var last int64 // time of the version before
	p = binary.AppendUvarint(p, uint64(b.Sent))
	p = appendStrings(p, origins)
	for i := 0; i < len(b.Changes); {
		n := sameShape(b.Changes[i:])
		section := b.Changes[i : i+n]
		p = appendBytes(p, section[0].Table)
		p = appendStrings(p, section[0].Columns)
		p = binary.AppendUvarint(p, uint64(n))
		for j := range section {
			p = appendChange(p, &section[j], last, index)
			last = section[j].Version.Time
		}
		i += n
	}
	return p
}

func appendChange(p []byte, c *change.Change, last int64, index map[string]uint64) []byte {
	p = appendBytes(p, c.Key)
	p = append(p, operation(c))
	if c.Token != 0 {
		p = binary.AppendUvarint(p, uint64(c.Token))
	}
	p = binary.AppendVarint(p, c.Version.Time-last)
	p = binary.AppendUvarint(p, index[c.Version.Origin])
	p = binary.AppendUvarint(p, uint64(len(c.Seen)))
	for _, v := range c.Seen {
		p = binary.AppendVarint(p, c.Version.Time-v.Time)
		p = binary.AppendUvarint(p, index[v.Origin])
	}
	if c.Made != nil {
		p = appendMade(p, c, index)
	}
	if c.Counts != nil {
		p = appendCounts(p, c, index)
	}
	if c.Deleted() {
		return p
	}
	for _, v := range c.Values {
		if v == nil {
			p = append(p, 0)
			continue
		}
		p = binary.AppendUvarint(p, uint64(len(v))+1)
		p = append(p, v...)
	}
	return p
}

// The operations of a row in a batch.
const (
	opUpsert  = 0
	opDelete  = 1
	opMissing = 2 // an upsert that does not touch a row that exists or existed

	// For nodes that announce that they know routes.
	opWithdraw = 3 // the receiver has the row no more
	opToken    = 4 // added to one of the others: a token follows

	// For nodes that announce that they merge columns.
	opMade = 8 // added to one of the others: after the vector, by which writes the columns were made

	// For nodes that announce that they know counters.
	opCounts = 16 // added to one of the others: the counters follow, after by which writes the columns were made
)

func operation(c *change.Change) byte {
	op := byte(opUpsert)
	switch {
	case c.Withdrawn:
		op = opWithdraw
	case c.Deleted():
		op = opDelete
	case c.OnlyMissing:
		op = opMissing
	}
	if c.Token != 0 {
		op |= opToken
	}
	if c.Made != nil {
		op |= opMade
	}
	if c.Counts != nil {
		op |= opCounts
	}
	return op
}

// sameShape counts the changes at the front that share table and columns; a
// delete has no columns and fits into any section of its table.
func sameShape(cs []change.Change) int {
	for i := 1; i < len(cs); i++ {
		if cs[i].Table != cs[0].Table || !equalStrings(cs[i].Columns, cs[0].Columns) {
			return i
		}
	}
	return len(cs)
}

func equalStrings(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) > 0 && &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (b *Batch) origins() ([]string, map[string]uint64) {
	var list []string
	index := map[string]uint64{}
	note := func(o string) {
		if _, ok := index[o]; !ok {
			index[o] = uint64(len(list))
			list = append(list, o)
		}
	}
	for i := range b.Changes {
		note(b.Changes[i].Version.Origin)
		for _, v := range b.Changes[i].Seen {
			note(v.Origin)
		}
		if m := b.Changes[i].Made; m != nil {
			note(m.Rest.Origin)
			for _, c := range m.Columns {
				note(c.Origin)
			}
		}
		for _, k := range b.Changes[i].Counts {
			if k.Epoch.Time > change.Baseline {
				note(k.Epoch.Origin)
			}
			for _, t := range k.Tallies {
				note(t.Origin)
			}
		}
	}
	return list, index
}

func appendBytes[T string | []byte](p []byte, s T) []byte {
	p = binary.AppendUvarint(p, uint64(len(s)))
	return append(p, s...)
}

func appendStrings(p []byte, list []string) []byte {
	p = binary.AppendUvarint(p, uint64(len(list)))
	for _, s := range list {
		p = appendBytes(p, s)
	}
	return p
}

// leastRow is the fewest bytes a row can have.
const leastRow = 5

// reader parses a body; after its first error it returns only zeros.
type reader struct {
	rest    []byte
	room    [][]byte // for the values of the next rows
	values  int      // read so far
	names   int      // of columns, likewise
	seenAll int      // entries of vectors, likewise
	madeAll int      // columns with writes of their own, likewise
	tallied int      // tallies of counters, likewise
	last    int64    // time of the version before
	err     error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
		r.rest = nil
	}
}

func (r *reader) uvarint() uint64 {
	n, k := binary.Uvarint(r.rest)
	if k <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[k:]
	return n
}

func (r *reader) varint() int64 {
	n, k := binary.Varint(r.rest)
	if k <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[k:]
	return n
}

func (r *reader) count(limit int, of string) int {
	n := r.uvarint()
	if n > uint64(limit) {
		r.fail(fmt.Errorf("%d %s are more than %d", n, of, limit))
		return 0
	}
	return int(n)
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

// text reads a text of at most so many bytes.
func (r *reader) text(limit int, of string) string {
	b := r.bytes()
	if len(b) > limit {
		r.fail(fmt.Errorf("%s has %d bytes, more than %d", of, len(b), limit))
		return ""
	}
	return string(b)
}

// origins reads the clients named.
func (r *reader) origins() []string {
	var list []string
	for n := r.count(maxOrigins, "clients"); n > 0 && r.err == nil; n-- {
		o := r.text(maxName, "a client's name")
		if r.err == nil && !validOrigin(o) {
			r.fail(fmt.Errorf("origin %.40q is not a client name", o))
		}
		list = append(list, o)
	}
	return list
}

// columns reads the names of a section's columns. Each occurs once: if a row had two values for a column, the one
// written might not be the one checked.
func (r *reader) columns() []string {
	n := r.count(maxColumns, "columns")
	if r.names += n; r.names > maxNames {
		r.fail(fmt.Errorf("the batch names more than %d columns", maxNames))
	}
	var list []string
	there := make(map[string]bool, min(n, len(r.rest)))
	for ; n > 0 && r.err == nil; n-- {
		name := r.text(maxName, "a column's name")
		if folded := strings.ToLower(name); name == "" || there[folded] {
			r.fail(fmt.Errorf("the column %.64q has no name of its own", name))
		} else {
			there[folded] = true
		}
		list = append(list, name)
	}
	return list
}

// decodeBody reads what appendBody wrote. The values of the changes are slices
// of body, which must not be modified afterwards.
func decodeBody(body []byte, b *Batch) error {
	r := &reader{rest: body}
	b.Sent = int64(r.uvarint())
	origins := r.origins()
	for r.err == nil && len(r.rest) > 0 {
		table := r.text(maxName, "a table's name")
		columns := r.columns()
		n := r.count(maxRows-len(b.Changes), "rows")
		if n == 0 {
			r.fail(fmt.Errorf("a section of %.64q has no rows", table))
		}
		b.Changes = slices.Grow(b.Changes, min(n, len(r.rest)/leastRow))
		for i := 0; i < n && r.err == nil; i++ {
			b.Changes = append(b.Changes, r.change(table, columns, origins, n-i))
		}
	}
	return r.err
}

// validOrigin reports whether o is a client's name, a client's later life, or a
// decision: the client whose row won, if any, and a mark.
func validOrigin(o string) bool {
	v := change.Version{Origin: o}
	author := v.Author()
	if o == author {
		return ValidClient(o)
	}
	return (v.IsDecided() && author == "" || ValidClient(author)) && ValidClient(o[len(author)+1:])
}

// change reads the first of the rows left in a section.
func (r *reader) change(table string, columns, origins []string, left int) change.Change {
	c := change.Change{Row: change.Row{Table: table, Key: r.text(maxKey, "a key")}}
	op := r.uvarint()
	if op > opWithdraw|opToken|opMade|opCounts {
		r.fail(fmt.Errorf("operation %d is not known", op))
	}
	if op&opToken != 0 {
		t := r.uvarint()
		if c.Token = int64(t); t == 0 || t > 1<<62 {
			r.fail(errors.New("a token is out of range"))
		}
		op &^= opToken
	}
	made := op&opMade != 0
	counts := op&opCounts != 0
	op &^= opMade | opCounts
	c.OnlyMissing, c.Withdrawn = op == opMissing, op == opWithdraw
	c.Version = r.version(r.last+r.varint(), origins)
	r.last = c.Version.Time
	c.Seen = r.seen(origins)
	if made {
		c.Made = r.made(columns, origins)
	}
	if counts {
		c.Counts = r.counts(origins)
	}
	if c.Withdrawn && c.Token == 0 {
		r.fail(errors.New("a row is withdrawn without a token"))
	}
	if op == opDelete || op == opWithdraw || r.err != nil {
		return c
	}
	if len(columns) == 0 {
		r.fail(fmt.Errorf("a row of %.64q has no columns", table))
		return c
	}
	if r.values += len(columns); r.values > maxValues {
		r.fail(fmt.Errorf("the batch has more than %d values", maxValues))
		return c
	}
	c.Columns = columns
	c.Values = r.rowOf(len(columns), left)
	for i := range c.Values {
		if n := r.uvarint(); n > 0 {
			c.Values[i] = r.take(n - 1)
		}
	}
	return c
}

// rowOf returns the space for a row's n values, cut from one allocation for all
// rows left. Whatever the sender claims, a value takes at least a byte.
func (r *reader) rowOf(n, left int) [][]byte {
	if len(r.room) < n {
		r.room = make([][]byte, max(n, min(n*left, len(r.rest), maxValues)))
	}
	row := r.room[:n:n]
	r.room = r.room[n:]
	return row
}

// seen reads a vector.
func (r *reader) seen(origins []string) change.Vector {
	n := r.count(maxSeen, "versions seen")
	if n == 0 {
		return nil
	}
	if r.seenAll += n; r.seenAll > maxSeenAll {
		r.fail(fmt.Errorf("the batch has more than %d versions seen", maxSeenAll))
		return nil
	}
	seen := make(change.Vector, 0, min(n, len(r.rest)))
	for i := 0; i < n && r.err == nil; i++ {
		v := r.version(r.last-r.varint(), origins)
		if v.Time > 0 && !v.IsDecided() && (len(seen) == 0 || seen[len(seen)-1].Origin < v.Origin) {
			seen = append(seen, v) // in order, as every sender has them
		} else {
			seen = seen.With(v)
		}
	}
	return seen
}

// version reads a version whose time has been read.
func (r *reader) version(t int64, origins []string) change.Version {
	o := r.uvarint()
	if o >= uint64(len(origins)) || t < 0 || t > 1<<62 {
		r.fail(errors.New("a version is out of range"))
		return change.Version{}
	}
	return change.Version{Time: t, Origin: origins[o]}
}
