package history

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"time"
)

// Sample is how a site was at one moment.
type Sample struct {
	Offline    bool  // then only the counts of rows, and what this node has for the site, are known
	Sent       int64 // rows sent to it since the previous sample; of the node itself: to all
	Received   int64 // rows received from it since then; likewise
	Pending    int64 // rows that it has for its remotes
	ForIt      int64 // rows that this node has for it; 0 for the node itself
	Waits      int64 // age in seconds of the oldest of both
	Refused    int64 // rows, by its remotes and, if it is another site, by it
	Conflicts  int64 // kept
	Uncaptured int64 // rows
	Online     int64 // remotes
	Remotes    int64 // all
	FreeDisk   int64 // bytes; below 0: unknown
}

// Record is how a site was over a while: five minutes, or an hour. Numbers above 2,047 are rounded to four digits.
type Record struct {
	At      time.Time `json:"at"`                // when the while began
	Samples int       `json:"samples"`           // about one a minute
	Offline int       `json:"offline,omitempty"` // of these

	Sent       int64 `json:"sent,omitempty"`       // rows, in all
	Received   int64 `json:"received,omitempty"`   // rows, in all
	Pending    int64 `json:"pending,omitempty"`    // at most
	ForIt      int64 `json:"forIt,omitempty"`      // at most
	Waits      int64 `json:"waits,omitempty"`      // seconds, at most
	Refused    int64 `json:"refused,omitempty"`    // at most
	Conflicts  int64 `json:"conflicts,omitempty"`  // at most
	Uncaptured int64 `json:"uncaptured,omitempty"` // at most
	Online     int64 `json:"online,omitempty"`     // at least
	Remotes    int64 `json:"remotes,omitempty"`    // at most
	FreeDisk   int64 `json:"freeDisk"`             // bytes, at least; -1: unknown
}

// with returns the record with one more sample.
func (r Record) with(s Sample) Record {
	one := Record{
		At: r.At, Samples: 1, Sent: s.Sent, Received: s.Received, Pending: s.Pending, ForIt: s.ForIt, Waits: s.Waits, Refused: s.Refused,
		Conflicts: s.Conflicts, Uncaptured: s.Uncaptured, Online: s.Online, Remotes: s.Remotes, FreeDisk: s.FreeDisk,
	}
	if s.Offline {
		one.Offline = 1
	}
	return r.and(one)
}

// and returns what two records say together.
func (r Record) and(o Record) Record {
	switch {
	case o.Samples == 0:
		return r
	case r.Samples == 0:
		o.At = r.At
		return o
	}
	least := func(a, b int64, known bool, other bool) int64 {
		switch {
		case !known:
			return b
		case !other:
			return a
		}
		return min(a, b)
	}
	return Record{
		At: r.At, Samples: r.Samples + o.Samples, Offline: r.Offline + o.Offline,
		Sent: r.Sent + o.Sent, Received: r.Received + o.Received, Pending: max(r.Pending, o.Pending), ForIt: max(r.ForIt, o.ForIt),
		Waits: max(r.Waits, o.Waits), Refused: max(r.Refused, o.Refused), Conflicts: max(r.Conflicts, o.Conflicts), Uncaptured: max(r.Uncaptured, o.Uncaptured),
		Online: least(r.Online, o.Online, r.Offline < r.Samples, o.Offline < o.Samples), Remotes: max(r.Remotes, o.Remotes),
		FreeDisk: least(r.FreeDisk, o.FreeDisk, r.FreeDisk >= 0, o.FreeDisk >= 0),
	}
}

// recordSize divides a disk's sector, so a record is written as a whole.
const recordSize = 32

// encode returns a record as bytes. The checksum covers the site's name too: a record of the site that had the place before
// counts as missing.
func (r Record) encode(site string) (b [recordSize]byte) {
	binary.LittleEndian.PutUint32(b[0:], uint32(r.At.Unix()/60)) //nolint:gosec // until the year 10136
	b[4], b[5] = byte(min(r.Samples, 255)), byte(min(r.Offline, 255))
	free := unknown
	if r.FreeDisk >= 0 {
		free = min(r.FreeDisk>>20, unknown>>1) // MiB
	}
	for i, v := range []int64{r.Sent, r.Received, r.Pending, r.ForIt, r.Waits, r.Refused, r.Conflicts, r.Uncaptured, r.Online, r.Remotes, free} {
		binary.LittleEndian.PutUint16(b[6+2*i:], short(v))
	}
	binary.LittleEndian.PutUint32(b[28:], sum(site, b[:28]))
	return b
}

// decode returns the record that bytes hold, if they hold one of the site.
func decode(site string, b []byte) (Record, bool) {
	if binary.LittleEndian.Uint32(b[28:]) != sum(site, b[:28]) || b[4] == 0 || b[5] > b[4] {
		return Record{}, false
	}
	var v [11]int64
	for i := range v {
		v[i] = long(binary.LittleEndian.Uint16(b[6+2*i:]))
	}
	r := Record{
		At: time.Unix(60*int64(binary.LittleEndian.Uint32(b[0:])), 0).UTC(), Samples: int(b[4]), Offline: int(b[5]),
		Sent: v[0], Received: v[1], Pending: v[2], ForIt: v[3], Waits: v[4], Refused: v[5], Conflicts: v[6], Uncaptured: v[7], Online: v[8], Remotes: v[9],
		FreeDisk: -1,
	}
	if v[10] < long(short(unknown)) {
		r.FreeDisk = v[10] << 20
	}
	return r, true
}

func sum(site string, b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(site)), crc32.IEEETable, b)
}

// unknown is the largest number that short can keep.
const unknown int64 = 1<<(digits+31) - 1

// digits is how many leading bits of a number are kept.
const digits = 11

// short rounds a number down to its leading bits, with an exponent in the upper five: exact below 2^11, at most 2^42.
func short(v int64) uint16 {
	v = min(max(v, 0), unknown)
	e := max(0, bits.Len64(uint64(v))-digits)
	return uint16(e)<<digits | uint16(v>>e) //nolint:gosec // 5 and 11 bits
}

// long is the number that short made.
func long(s uint16) int64 { return int64(s&(1<<digits-1)) << (s >> digits) }
