package binlog

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// GTID names a transaction in the logs of all servers that have it.
type GTID struct {
	Domain, Server uint32 // MariaDB's
	Source         string // MySQL's: 36 characters, with :tag if it has one
	Number         uint64 // 0: none
}

// String returns the GTID as its server writes it; "" is none.
func (g GTID) String() string {
	switch {
	case g.Number == 0 && g.Source == "":
		return ""
	case g.Source != "":
		return g.Source + ":" + strconv.FormatUint(g.Number, 10)
	}
	return fmt.Sprintf("%d-%d-%d", g.Domain, g.Server, g.Number)
}

// Position is a place in a server's log: the set of transactions up to it. GTIDs are compared as sets, never by their
// numbers alone: the numbers of one domain or source may come from several servers. The zero Position is the beginning of the log.
// It does not change, except by Add.
type Position struct {
	domains map[uint32]*domain // MariaDB
	sources map[string][]span  // MySQL: by source, in order, and never touching
}

// domain is what a log has of one domain of MariaDB.
type domain struct {
	last    uint32            // the server whose transaction is the latest
	servers map[uint32]uint64 // the latest of each
}

// span is a range of numbers, both included.
type span struct{ first, last uint64 }

// ParsePosition reads what String, or a variable of the server such as @@gtid_binlog_pos or @@gtid_executed, says.
func ParsePosition(mariaDB bool, text string) (Position, error) {
	var p Position
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		var err error
		if mariaDB {
			err = p.parseDomain(item)
		} else {
			err = p.parseSource(item)
		}
		if err != nil {
			return Position{}, err
		}
	}
	return p, nil
}

// parseDomain reads 0-1-10.
func (p *Position) parseDomain(item string) error {
	parts := strings.Split(item, "-")
	if len(parts) != 3 {
		return fmt.Errorf("read position: %q is no GTID of MariaDB", clip(item))
	}
	d, err := strconv.ParseUint(parts[0], 10, 32)
	s, err2 := strconv.ParseUint(parts[1], 10, 32)
	n, err3 := strconv.ParseUint(parts[2], 10, 64)
	if err := cmp.Or(err, err2, err3); err != nil {
		return fmt.Errorf("read position: %q is no GTID of MariaDB", clip(item))
	}
	p.Add(GTID{Domain: uint32(d), Server: uint32(s), Number: n})
	return nil
}

// parseSource reads uuid:1-5:7:tag:1-3, or uuid:5#12:6#13, as @@gtid_owned has it.
func (p *Position) parseSource(item string) error {
	parts := strings.Split(item, ":")
	uuid := strings.ToLower(strings.TrimSpace(parts[0]))
	if _, err := sid(uuid); err != nil {
		return err
	}
	source := uuid
	for _, part := range parts[1:] {
		part, _, _ = strings.Cut(strings.TrimSpace(part), "#") // the thread that owns it
		if part == "" {
			continue
		}
		if part[0] < '0' || part[0] > '9' {
			if len(part) > mostTag {
				return fmt.Errorf("read position: %q is no tag of a GTID", clip(part))
			}
			source = uuid + ":" + strings.ToLower(part)
			continue
		}
		from, to, ranged := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 63)
		last := first
		if err == nil && ranged {
			last, err = strconv.ParseUint(to, 10, 63)
		}
		if err != nil || first == 0 || last < first {
			return fmt.Errorf("read position: %q are no numbers of GTIDs", clip(part))
		}
		p.add(source, span{first, last})
	}
	return nil
}

// mostTag is how long a tag of a MySQL GTID may be.
const mostTag = 32

// sid returns the 16 bytes of a UUID.
func sid(uuid string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(b) != 16 || len(uuid) != 36 {
		return nil, fmt.Errorf("read position: %q is no UUID", clip(uuid))
	}
	return b, nil
}

// String returns the position as the server writes it, and as ParsePosition reads it. On MariaDB it has the latest
// transaction of each domain, as a replica keeps it.
func (p Position) String() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(p.domains)) {
		d := p.domains[id]
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(GTID{Domain: id, Server: d.last, Number: d.servers[d.last]}.String())
	}
	for _, source := range slices.Sorted(maps.Keys(p.sources)) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(source)
		for _, s := range p.sources[source] {
			b.WriteByte(':')
			b.WriteString(strconv.FormatUint(s.first, 10))
			if s.last > s.first {
				b.WriteByte('-')
				b.WriteString(strconv.FormatUint(s.last, 10))
			}
		}
	}
	return b.String()
}

// IsZero reports whether the position is the beginning of the log.
func (p Position) IsZero() bool { return len(p.domains) == 0 && len(p.sources) == 0 }

// Clone returns a copy that does not change with p.
func (p Position) Clone() Position {
	var c Position
	for id, d := range p.domains {
		if c.domains == nil {
			c.domains = map[uint32]*domain{}
		}
		c.domains[id] = &domain{d.last, maps.Clone(d.servers)}
	}
	for source, spans := range p.sources {
		if c.sources == nil {
			c.sources = map[string][]span{}
		}
		c.sources[source] = slices.Clone(spans)
	}
	return c
}

// Add adds a transaction, which is the latest one.
func (p *Position) Add(g GTID) { p.AddFrom(g.Number, g) }

// AddFrom adds transactions that follow each other, from a number to the one that is given, which is the latest one.
func (p *Position) AddFrom(first uint64, g GTID) {
	switch {
	case g.Source != "":
		p.add(g.Source, span{first, g.Number})
	default:
		if p.domains == nil {
			p.domains = map[uint32]*domain{}
		}
		d := p.domains[g.Domain]
		if d == nil {
			d = &domain{servers: map[uint32]uint64{}}
			p.domains[g.Domain] = d
		}
		d.last, d.servers[g.Server] = g.Server, g.Number
	}
}

// add adds a span, and joins those that touch it.
func (p *Position) add(source string, s span) {
	spans := p.sources[source]
	if n := len(spans); n > 0 && spans[n-1].last+1 == s.first { // as nearly always
		spans[n-1].last = s.last
		return
	}
	from, _ := slices.BinarySearchFunc(spans, s.first, func(o span, first uint64) int { return cmp.Compare(o.last+1, first) })
	to := from
	for ; to < len(spans) && spans[to].first <= s.last+1; to++ {
		s.first, s.last = min(s.first, spans[to].first), max(s.last, spans[to].last)
	}
	if p.sources == nil {
		p.sources = map[string][]span{}
	}
	p.sources[source] = slices.Replace(spans, from, to, s)
}

// Has reports whether a transaction is in the position.
func (p Position) Has(g GTID) bool {
	if g.Source == "" {
		d := p.domains[g.Domain]
		return g.Number == 0 || d != nil && d.servers[g.Server] >= g.Number
	}
	return contains(p.sources[g.Source], span{g.Number, g.Number})
}

// Contains reports whether all of o is in the position.
func (p Position) Contains(o Position) bool {
	for id, d := range o.domains {
		if !p.Has(GTID{Domain: id, Server: d.last, Number: d.servers[d.last]}) {
			return false
		}
	}
	for source, spans := range o.sources {
		for _, s := range spans {
			if !contains(p.sources[source], s) {
				return false
			}
		}
	}
	return true
}

// contains reports whether one of the spans has all of s.
func contains(spans []span, s span) bool {
	i, _ := slices.BinarySearchFunc(spans, s.first, func(o span, first uint64) int { return cmp.Compare(o.last, first) })
	return i < len(spans) && spans[i].first <= s.first && spans[i].last >= s.last
}

// Union returns a position that has all of both.
func (p Position) Union(o Position) Position {
	u := p.Clone()
	for source, spans := range o.sources {
		for _, s := range spans {
			u.add(source, s)
		}
	}
	for id, d := range o.domains {
		for server, n := range d.servers {
			if !u.Has(GTID{Domain: id, Server: server, Number: n}) {
				u.Add(GTID{Domain: id, Server: server, Number: n})
			}
		}
	}
	return u
}

// clip bounds a foreign text in an error.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
