package status

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestAMeterCountsTheLastTenSeconds(t *testing.T) {
	t.Parallel()
	var m meter
	at := time.Unix(1_700_000_000, 0)
	for i := range 20 {
		m.add(at.Add(time.Duration(i)*time.Second), 5)
	}
	end := at.Add(19 * time.Second)
	if r, last := m.read(end); r.Rows != 100 || r.PerSecond != 5 || !last.Equal(end) {
		t.Errorf("after 20 seconds: %+v, last %v", r, last)
	}
	if r, _ := m.read(end.Add(4 * time.Second)); r.Rows != 100 || r.PerSecond != 3 {
		t.Errorf("4 seconds later: %+v", r)
	}
	if r, _ := m.read(end.Add(time.Minute)); r.Rows != 100 || r.PerSecond != 0 {
		t.Errorf("a minute later: %+v", r)
	}
	if r, _ := m.read(at.Add(-time.Hour)); r.PerSecond != 0 { // the clock was set back
		t.Errorf("an hour earlier: %+v", r)
	}
}

func TestRowsAreCountedByTable(t *testing.T) {
	t.Parallel()
	for _, tables := range [][]string{nil, {"a"}, {"a", "a"}, {"a", "b"}, {"a", "a", "b", "c", "c", "c"}, {"a", "b", "a", "b", "c", "a"}} {
		var got []string
		sum := 0
		perTable(len(tables), func(i int) string { return tables[i] }, func(name string, rows int) {
			got = append(got, fmt.Sprint(name, rows))
			sum += rows
		})
		if sum != len(tables) {
			t.Errorf("%v: %v", tables, got)
		}
		if slices.IsSorted(tables) && len(got) != len(slices.Compact(slices.Clone(tables))) {
			t.Errorf("%v: %v", tables, got)
		}
	}
}

func TestOnlyConfiguredNamesGetCounters(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Unix(1, 0) }
	orders := func(int) string { return "orders" }
	for _, others := range []bool{false, true} {
		c := NewTraffic(now, []string{"hamburg"}, []string{"orders"}, others)
		flows, links := len(c.flows), len(c.links)
		for i := range 100 {
			stranger := fmt.Sprint("stranger", i)
			c.Received(stranger, 1, orders, nil)
			c.Received("hamburg", 1, func(int) string { return stranger }, nil)
			c.link(stranger).received.Add(1)
		}
		c.Received("hamburg", 3, orders, nil)
		if len(c.flows) != flows || len(c.links) != links {
			t.Errorf("%d flows and %d links became %d and %d", flows, links, len(c.flows), len(c.links))
		}
		if r, _ := c.flow("hamburg", "orders").received.read(now()); r.Rows != 3 {
			t.Errorf("hamburg has %+v", r)
		}
		if f := c.flows[pair{Anyone, "orders"}]; f != nil {
			if r, _ := f.received.read(now()); r.Rows != 100 {
				t.Errorf("all others have %+v", r)
			}
		}
	}
}
