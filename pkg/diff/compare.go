package diff

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Rule is a way to compare rows with what a destination has.
type Rule string

// The rules.
const (
	ByContent Rule = "content"   // each column that the source has
	Different Rule = "different" // the timestamps differ
	Newer     Rule = "newer"     // the source's timestamp is later
)

// Compare says when a row differs from the destination's. The zero Compare compares content.
type Compare struct {
	Rule   Rule
	Column string // the timestamp column, of Different and Newer
}

// Fingerprint returns a value that is equal for a row of the source and one of the destination if they are the same.
// columns are those that the source has, sorted; those that only the destination has do not count. Nor does it matter
// that services keep some numbers as text, and omit nulls. A row of any size takes little memory beside it.
func (c Compare) Fingerprint(columns []string, data []byte) (record.Hash, error) {
	if c.Rule == Different || c.Rule == Newer {
		var mark []byte
		if err := value.EachMemberOf(data, []string{c.Column}, func(_ int, v []byte) { mark = v }); err != nil {
			return record.Hash{}, err
		}
		if normal(mark) != nil {
			return stamp(mark), nil
		}
	}
	p, _ := prints.Get().(*print)
	defer prints.Put(p)
	p.begin(len(columns))
	if err := value.EachMemberOf(data, columns, func(i int, v []byte) { p.values[i] = v }); err != nil {
		return record.Hash{}, err
	}
	for i, v := range p.values {
		p.add(columns[i], v)
	}
	return p.end(), nil
}

// Later reports whether a row's fingerprint under the rule Newer is of a later time than another. Anything that is not
// a time is later than everything but itself.
func Later(a, b record.Hash) bool {
	if a[0] != isMoment || b[0] != isMoment {
		return a != b
	}
	return bytes.Compare(a[:], b[:]) > 0
}

// The first byte of a fingerprint says what it covers: a time, in comparable microseconds, any other timestamp, or all
// columns, for a row without one.
const (
	isMoment  = 1
	isText    = 2
	isContent = 3
)

// stamp is the fingerprint of a timestamp, in full precision.
func stamp(v json.RawMessage) record.Hash {
	t, ok := moment(v)
	if !ok {
		h := record.Sum(normal(v))
		h[0] = isText
		return h
	}
	h := record.Hash{isMoment}
	binary.BigEndian.PutUint64(h[1:], uint64(t.UnixMicro())^1<<63) // negative ones before all others
	return h
}

// layouts are those in which services and databases write timestamps.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateOnly}

// moment parses a timestamp; one without a zone is in UTC. A number is milliseconds since 1970, as in JavaScript.
func moment(v json.RawMessage) (time.Time, bool) {
	var s string
	if json.Unmarshal(v, &s) == nil && s != "" {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, s); err == nil {
				return t, true
			}
		}
		return time.Time{}, false
	}
	var ms float64
	if len(v) > 0 && v[0] != '"' && json.Unmarshal(v, &ms) == nil && string(v) != "null" {
		return time.UnixMicro(int64(ms * 1000)), true
	}
	return time.Time{}, false
}

// normal returns the canonical form of equivalent values; nil for null.
func normal(v json.RawMessage) []byte {
	x := record.Parsed(v)
	if x == nil {
		return nil
	}
	if key, err := record.Key([]any{x}, false); err == nil {
		return append([]byte{'s'}, key...)
	}
	text, err := json.Marshal(plainNumbers(x)) // which sorts the members of objects
	if err != nil {
		return v
	}
	return append([]byte{'j'}, text...)
}
