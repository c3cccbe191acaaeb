package route

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

var (
	regions = config.RouteLookup{Table: "store_regions", Key: "region", Remote: "store"}
	stores  = []string{"store-7", "store-8", "report"}
	byStore = config.RouteRule{Column: "store", Remote: "store-{value}"}
	byArea  = config.RouteRule{Column: "region", Lookup: &regions}
)

func TestLabelNamesItsRemotes(t *testing.T) {
	looked := lookups{regions: {"north": {"store-7", "elsewhere"}, "south": {"store-8", "store-7"}}}
	for name, c := range map[string]struct {
		rules  []config.RouteRule
		values []*string
		want   []string
	}{
		"by name":              {[]config.RouteRule{byStore}, []*string{new("7")}, []string{"store-7"}},
		"of no remote":         {[]config.RouteRule{byStore}, []*string{new("9")}, nil},
		"NULL":                 {[]config.RouteRule{byStore}, []*string{nil}, nil},
		"either":               {[]config.RouteRule{byStore, byStore}, []*string{new("8"), new("7")}, []string{"store-8", "store-7"}},
		"both the same":        {[]config.RouteRule{byStore, byStore}, []*string{new("8"), new("8")}, []string{"store-8"}},
		"by lookup":            {[]config.RouteRule{byArea}, []*string{new("south")}, []string{"store-8", "store-7"}},
		"with an unknown name": {[]config.RouteRule{byArea}, []*string{new("north")}, []string{"store-7"}},
		"spelled otherwise":    {[]config.RouteRule{byArea}, []*string{new("North")}, nil},
		"of an earlier route":  {[]config.RouteRule{byStore, byArea}, []*string{new("7")}, []string{"store-7"}},
	} {
		l := label{"t", c.values}
		if got := l.remotes(c.rules, stores, looked); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		b, err := l.text()
		if back, wrong := parse("t", b); err != nil || wrong != nil || !reflect.DeepEqual(back, l) {
			t.Errorf("%s: %s is read as %v (%v, %v)", name, b, back, err, wrong)
		}
	}
	if got := values(byArea, "store-7", looked); !slices.Equal(got, []string{"north", "south"}) {
		t.Errorf("the values of store-7 are %v", got)
	}
}

func TestLookupTableGivesAndTakesLabels(t *testing.T) {
	labels := map[uint32]label{1: {"t", []*string{new("north")}}, 2: {"t", []*string{new("south")}}, 3: {"t", []*string{nil}}}
	before := lookups{regions: {"north": {"store-7"}, "south": {"store-8"}}}
	after := lookups{regions: {"north": {"store-8"}, "south": {"store-8"}}}
	won, lost := changed(labels, []config.RouteRule{byArea}, stores, before, after)
	if !reflect.DeepEqual(won, pairs{"store-8": {1}}) || !reflect.DeepEqual(lost, pairs{"store-7": {1}}) {
		t.Errorf("won: %v, lost: %v", won, lost)
	}
}

func TestValuesThatAreTooLongStandForNobody(t *testing.T) {
	long, short, odd := strings.Repeat("x", 256), "7", strings.Repeat("<", 250)
	for _, x := range []struct{ have, want []*string }{
		{[]*string{&short, nil}, []*string{&short, nil}},
		{[]*string{&long, &short}, []*string{nil, &short}},
		{[]*string{&odd, &short}, []*string{nil, nil}}, // each is written as \u003c
	} {
		if got := (label{"t", x.have}).fitting(); !reflect.DeepEqual(got.values, x.want) {
			t.Errorf("%v", got.values)
		}
	}
}
