package transform

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// TestARowThatAScriptLeavesIsKnownAsSuch: neither process nor node must convert it again.
func TestARowThatAScriptLeavesIsKnownAsSuch(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 123_456_000, time.UTC)
	given := value.Entity{{Name: "id", Value: int64(7)}, {Name: "name", Value: "seven"}, {Name: "nothing", Value: nil}, {Name: "yes", Value: true},
		{Name: "whole", Value: 3.0}, {Name: "part", Value: 0.5}, {Name: "many", Value: uint64(8)}, {Name: "at", Value: at},
		{Name: "raw", Value: []byte{0, 255}}, {Name: "list", Value: json.RawMessage(`{"a":[1,null]}`)}}
	for script, same := range map[string]bool{
		`return c.entity`:      true,
		`return {...c.entity}`: true,
		`c.entity.at; c.entity.raw[0]; c.entity.list.a.length; return c.entity`: true,
		`return null`:                                                    false,
		`c.entity.id = 8; return c.entity`:                               false,
		`c.entity.id = '7'; return c.entity`:                             false,
		`c.entity.name += '!'; return c.entity`:                          false,
		`c.entity.nothing = undefined; return c.entity`:                  false,
		`c.entity.nothing = ''; return c.entity`:                         false,
		`c.entity.yes = 1; return c.entity`:                              false,
		`c.entity.whole += 0.5; return c.entity`:                         false,
		`c.entity.part = 1; return c.entity`:                             false,
		`c.entity.many = -8; return c.entity`:                            false,
		`c.entity.at.setMilliseconds(124); return c.entity`:              false,
		`c.entity.raw[1] = 0; return c.entity`:                           false,
		`c.entity.list.a.push(2); return c.entity`:                       false,
		`c.entity.more = 1; return c.entity`:                             false,
		`delete c.entity.list; return c.entity`:                          false,
		`const {id, ...rest} = c.entity; return {...rest, id}`:           false,
		`c.entity.list = JSON.stringify(c.entity.list); return c.entity`: false,
	} {
		for _, where := range []where{here, apart} {
			tr := world{where: where}.orders(t, "module.exports = function (c) { "+script+"; };")
			r := tr.ApplyAll(t.Context(), "orders", []Call{call(given...), call(given...)})
			for i := range r {
				if r[i].Same != same {
					t.Errorf("%s, %v: same is %v: %v", script, where, r[i].Same, r[i])
				}
				if same && !reflect.DeepEqual(r[i].Entity, given) {
					t.Errorf("%s, %v: %v", script, where, r[i].Entity)
				}
			}
		}
	}
}

func TestMinusZeroIsAnotherValue(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		returned, given any
		same            bool
	}{
		{int64(0), math.Copysign(0, -1), false},
		{math.Copysign(0, -1), 0.0, false},
		{0.0, 0.0, true},
		{int64(-1), uint64(math.MaxUint64), false},
		{"1", int64(1), false},
		{json.RawMessage("[]"), []byte("[]"), false},
	} {
		if sameValue(x.returned, x.given) != x.same {
			t.Errorf("%v of %v", x.returned, x.given)
		}
	}
}

// TestAProcessKeepsOnlyRowsThatItWasGiven: one that a script has taken over may say anything.
func TestAProcessKeepsOnlyRowsThatItWasGiven(t *testing.T) {
	t.Parallel()
	for _, of := range []*task{nil, {kind: remove}, {kind: resolve}} {
		d := &decoder{rest: []byte{resultSame}}
		if r := d.result(of, "orders.js", func(text string) string { return text }, nil); d.err() == nil || r.Same {
			t.Errorf("the same as of %v: %v", of, r)
		}
	}
}
