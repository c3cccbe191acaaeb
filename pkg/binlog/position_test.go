package binlog

import "testing"

const (
	one = "b7ad3206-eb72-11f1-9feb-02fc00000001"
	two = "c7ad3206-eb72-11f1-9feb-02fc00000001"
)

func position(t *testing.T, mariaDB bool, text string) Position {
	t.Helper()
	p, err := ParsePosition(mariaDB, text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPositionsAreSets: a number alone says nothing; another server, source or gap may be behind it.
func TestPositionsAreSets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mariaDB      bool
		a, b         string
		aHasB, bHasA bool
	}{
		{true, "0-1-10", "0-1-9", true, false},
		{true, "0-1-10", "0-2-9", false, false},
		{true, "0-1-10,1-1-5", "1-1-5", true, false},
		{true, "0-1-10", "", true, false},
		{true, "", "", true, true},
		{false, one + ":1-10", one + ":3-5:7", true, false},
		{false, one + ":1-5:7-10", one + ":1-6", false, false},
		{false, one + ":1-5:6-10", one + ":1-10", true, true},
		{false, one + ":1-10", one + ":tag:1", false, false},
		{false, one + ":1-10:tag:1-3," + two + ":1", two + ":1," + one + ":TAG:2#17", true, false},
	} {
		a, b := position(t, c.mariaDB, c.a), position(t, c.mariaDB, c.b)
		if a.Contains(b) != c.aHasB || b.Contains(a) != c.bHasA {
			t.Errorf("%s and %s: %v, %v", c.a, c.b, a.Contains(b), b.Contains(a))
		}
		if u := a.Union(b); !u.Contains(a) || !u.Contains(b) {
			t.Errorf("%s and %s: their union is %s", c.a, c.b, u)
		}
	}
}

func TestPositionsGrow(t *testing.T) {
	t.Parallel()
	p := position(t, false, one+":1-3:9")
	before := p.Clone()
	for _, n := range []uint64{5, 4, 8, 7, 6} {
		p.Add(GTID{Source: one, Number: n})
	}
	if p.String() != one+":1-9" || before.String() != one+":1-3:9" {
		t.Errorf("%s, before %s", p, before)
	}
	m := position(t, true, "0-1-10")
	m.Add(GTID{Domain: 0, Server: 2, Number: 5}) // by another server, whose numbers are behind
	m.Add(GTID{Domain: 7, Server: 1, Number: 1})
	if m.String() != "0-2-5,7-1-1" || !m.Has(GTID{Domain: 0, Server: 1, Number: 10}) || m.Has(GTID{Domain: 0, Server: 2, Number: 6}) {
		t.Error(m)
	}
}

func TestWrittenIsOwnedOrExecuted(t *testing.T) {
	t.Parallel()
	w, err := ParseWritten(false, one+":12#7:13#8", one+":1-11,\n"+two+":1-2")
	if err != nil || w.String() != one+":1-13,"+two+":1-2" {
		t.Errorf("%s, %v", w, err)
	}
	r := Read{position(t, false, one+":1-12,"+two+":1-2")}
	if r.Reached(w) {
		t.Error("13 was not read")
	}
	if r.Add(GTID{Source: one, Number: 13}); !r.Reached(w) {
		t.Error("all was read")
	}
}

func TestPositionsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0-1", "a-b-c", "0-1-2-3", "0-4294967296-1", one + ":1"} {
		if p, err := ParsePosition(true, text); err == nil {
			t.Errorf("MariaDB: %q is %s", text, p)
		}
	}
	for _, text := range []string{"0-1-2", one + ":0", one + ":5-4", "b7:1", one + ":1-x", one + ":" + "abcdefghijklmnopqrstuvwxyzabcdefg:1"} {
		if p, err := ParsePosition(false, text); err == nil {
			t.Errorf("MySQL: %q is %s", text, p)
		}
	}
}

// TestATaggedGTID decodes bytes of a MySQL server.
func TestATaggedGTID(t *testing.T) {
	t.Parallel()
	b, err := parseTagged([]byte{
		0x2, 0x76, 0x0, 0x0, 0x2, 0x2, 0x25, 0x2, 0xdc, 0xf0, 0x9, 0x2, 0x30, 0xf9, 0x3, 0x22, 0xbd, 0x3,
		0xad, 0x2, 0x21, 0x2, 0x44, 0x44, 0x5a, 0x68, 0x51, 0x3, 0x22, 0x4, 0x4, 0x6, 0xc, 0x66, 0x6f, 0x6f, 0x62,
		0x61, 0x7a, 0x8, 0x0, 0xa, 0x4, 0xc, 0x7f, 0x15, 0x83, 0x22, 0x2d, 0x5c, 0x2e, 0x6, 0x10, 0x49, 0x3, 0x12,
		0xc3, 0x2, 0xb,
	})
	if err != nil || b.gtid.String() != "896e7882-18fe-11ef-ab88-22222d34d411:foobaz:1" || b.micros == 0 {
		t.Errorf("%s at %d, %v", b.gtid, b.micros, err)
	}
}
