package conflict_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

func decision(t int64, author, mark string) change.Version { return change.Decided(t, author, mark) }

func TestPolicies(t *testing.T) {
	list := conflict.Policy{Name: conflict.Priority, Clients: []string{"hq", "a"}}
	script := conflict.Policy{Name: conflict.Script}
	made := state(decision(21, "hq", "m1"), v(10, "hq"), v(20, "b"))
	for name, test := range map[string]struct {
		policy          conflict.Policy
		local, incoming change.State
		want            conflict.Decision
		time            int64
		author          string
		decided         bool
	}{
		"the first client of the list wins though earlier":        {list, state(v(5, "hq")), state(v(9, "a")), conflict.Lose, 10, "hq", true},
		"it also wins as the incoming version":                    {list, state(v(9, "a")), state(v(5, "hq")), conflict.Win, 10, "hq", true},
		"it also wins if later":                                   {list, state(v(5, "a")), state(v(9, "hq")), conflict.Win, 10, "hq", true},
		"a listed client beats an unlisted one":                   {list, state(v(9, "z")), state(v(5, "a")), conflict.Win, 10, "a", true},
		"of two unlisted clients the later wins":                  {list, state(v(5, "y")), state(v(9, "z")), conflict.Win, 10, "z", true},
		"of two unlisted clients the earlier loses":               {list, state(v(9, "z")), state(v(5, "y")), conflict.Lose, 10, "z", true},
		"a version that has seen the other is applied":            {list, state(v(5, "hq")), state(v(9, "z"), v(5, "hq")), conflict.Apply, 9, "z", false},
		"a known version stays known":                             {list, state(v(9, "z"), v(5, "hq")), state(v(5, "hq")), conflict.Known, 9, "z", false},
		"a row never seen is written":                             {list, change.State{}, made, conflict.Apply, 21, "hq", true},
		"a decision is known to its maker":                        {list, made, made, conflict.Known, 21, "hq", true},
		"a decision includes both versions":                       {list, state(v(20, "b")), made, conflict.Apply, 21, "hq", true},
		"a version merged into a decision is known":               {list, made, state(v(20, "b")), conflict.Known, 21, "hq", true},
		"a write on top of a decision is applied":                 {list, made, state(v(22, "b"), v(10, "hq")), conflict.Apply, 22, "b", false},
		"a write on top of the same decision made elsewhere":      {list, state(decision(21, "hq", "m2"), v(10, "hq"), v(20, "b")), state(v(22, "b"), v(10, "hq")), conflict.Apply, 22, "b", false},
		"an author's later write is not part of the decision":     {list, made, state(v(15, "hq")), conflict.Win, 22, "hq", true},
		"a decision ranks like its author":                        {list, made, state(v(30, "a")), conflict.Lose, 31, "hq", true},
		"of two decisions about the same versions the later wins": {list, made, state(decision(21, "hq", "m2"), v(10, "hq"), v(20, "b")), conflict.Apply, 21, "hq", true},
		"the version that has seen more wins, whatever its time":  {list, made, state(decision(20, "a", "m3"), v(10, "hq"), v(20, "b"), v(3, "a")), conflict.Apply, 20, "a", true},
		"without a script's result the later wins":                {script, state(v(5, "hq")), state(v(9, "a")), conflict.Win, 10, "a", true},
		"lastWriteWins makes no version":                          {conflict.Policy{Name: conflict.LastWriteWins}, state(v(5, "hq")), state(v(9, "a")), conflict.Win, 9, "a", false},
		"the zero policy is lastWriteWins":                        {conflict.Policy{}, state(v(5, "hq")), state(v(9, "a")), conflict.Win, 9, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, after := test.policy.Resolve(test.local, test.incoming)
			got := after.Version
			if d != test.want || got.Time != test.time || got.Author() != test.author || got.IsDecided() != test.decided {
				t.Errorf("decision %d, version %v", d, got)
			}
			if again, same := test.policy.Resolve(after, test.incoming); again != conflict.Known || same.Version != after.Version {
				t.Errorf("the second time: decision %d, %v", again, same.Version)
			}
			if d.Conflict() {
				if _, other := test.policy.Resolve(test.incoming, test.local); other.Version != after.Version {
					t.Errorf("the other side holds %v, this one %v", other.Version, after.Version)
				}
			}
		})
	}
}

func TestEqualMergesOfEqualRowsAreEqual(t *testing.T) {
	x, y := state(v(5, "a")), state(v(9, "b"))
	one, two := conflict.Merge(x, y, []byte("row")), conflict.Merge(y, x, []byte("row"))
	if one.Version != two.Version || one.Version.Time != 10 || one.Version.Author() != "" {
		t.Errorf("got %v and %v", one, two)
	}
	if other := conflict.Merge(x, y, []byte("another")); other.Version == one.Version {
		t.Errorf("another row has the same version %v", other.Version)
	}
}

// node is one copy of a row: its content names the writes that made it.
type node struct {
	name  string
	other *conflict.Policy // if its policy differs from the others'
	state change.State
	row   string
	news  bool
}

// meeting plays a policy between nodes that write, meet and part.
type meeting struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	policy conflict.Policy
	script func(earlier, later string) string // of the policy script
	nodes  []*node
	rows   map[change.Version]string
	over   map[string]bool // rows that a user has seen and overwritten
	losers map[string]bool // rows that lost
	sent   int
}

func (m *meeting) write(n *node, t int64) {
	m.over[n.row] = true
	n.state = conflict.Next(n.state, change.Baseline+1+t, n.name) // a write is later than the Baseline
	n.row = fmt.Sprint(n.name, n.state.Version.Time)
	n.news = true
	m.hold(n)
}

// hold checks that a version names one row.
func (m *meeting) hold(n *node) {
	if row, ok := m.rows[n.state.Version]; ok && row != n.row {
		m.t.Fatalf("seed %d: %v is %q and %q", m.seed, n.state.Version, row, n.row)
	}
	m.rows[n.state.Version] = n.row
}

// deliver does what package apply does with a change.
func (m *meeting) deliver(n *node, s change.State, row string) {
	local, policy := n.state, m.policy
	if n.other != nil {
		policy = *n.other
	}
	d, after := policy.Resolve(local, s)
	ours, stands := n.row, n.row
	if d.Writes() {
		stands = row
	}
	if d.Conflict() && policy.Name == conflict.Script {
		if stands = ours; ours != row {
			earlier, later := ours, row
			if local.Version.Compare(s.Version) > 0 {
				earlier, later = later, earlier
			}
			stands = m.script(earlier, later)
		}
		after = conflict.Merge(local, s, []byte(stands))
	}
	if d.Conflict() {
		for _, lost := range []string{ours, row} {
			m.losers[lost] = m.losers[lost] || lost != stands
		}
	}
	n.news = n.news || after.Version != local.Version
	n.state, n.row = after, stands
	m.hold(n)
}

// send gives one node another's state.
func (m *meeting) send(from, to *node) {
	m.sent++
	m.deliver(to, from.state, from.row)
}

// rest lets all nodes send to each other until nobody has news.
func (m *meeting) rest() {
	for quiet := false; !quiet; {
		quiet = true
		for _, i := range m.r.Perm(len(m.nodes)) {
			n := m.nodes[i]
			if !n.news {
				continue
			}
			n.news, quiet = false, false
			for _, j := range m.r.Perm(len(m.nodes)) {
				if j != i {
					m.send(n, m.nodes[j])
				}
			}
		}
		if m.sent > 20000 {
			m.t.Fatalf("seed %d: it never ends", m.seed)
		}
	}
}

// TestNodesConvergeUnderEachPolicy lets up to five nodes write a row with wrong
// clocks, and gives each what others had at some time, in any order. In the end all hold the same
// row, nothing more is sent, and each row ever written is current, was overwritten by someone who
// had seen it, or is kept as a loser. Promises 3 and 4.
func TestNodesConvergeUnderEachPolicy(t *testing.T) {
	hash := func(parts ...string) string {
		h := fnv.New64a()
		for _, p := range parts {
			fmt.Fprintf(h, "%s|", p)
		}
		return fmt.Sprintf("%x", h.Sum64())
	}
	impure := rand.New(rand.NewPCG(7, 7))
	for name, rule := range map[string]struct {
		policy conflict.Policy
		script func(earlier, later string) string
		others []conflict.Policy // per node
	}{
		"priority":                  {conflict.Policy{Name: conflict.Priority, Clients: []string{"hq", "b"}}, nil, nil},
		"without priorities":        {conflict.Policy{Name: conflict.Priority}, nil, nil},
		"a script that chooses":     {conflict.Policy{Name: conflict.Script}, func(earlier, later string) string { return min(earlier, later) }, nil},
		"a script that mixes":       {conflict.Policy{Name: conflict.Script}, func(earlier, later string) string { return hash(earlier, later) }, nil},
		"a nondeterministic script": {conflict.Policy{Name: conflict.Script}, func(earlier, later string) string { return hash(earlier, later, fmt.Sprint(impure.Int())) }, nil},
		"a different policy per node": {conflict.Policy{Name: conflict.Script}, func(earlier, later string) string { return hash(earlier, later) },
			[]conflict.Policy{{Name: conflict.Script}, {Name: conflict.Priority, Clients: []string{"hq", "b"}}, {Name: conflict.Priority, Clients: []string{"c", "a"}}, {Name: conflict.LastWriteWins}}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3000) {
				m := &meeting{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 0)), policy: rule.policy, script: rule.script,
					rows: map[change.Version]string{}, over: map[string]bool{}, losers: map[string]bool{}}
				for _, name := range []string{"hq", "a", "b", "c", "d"}[:2+m.r.IntN(4)] {
					n := &node{name: name}
					if len(rule.others) > 0 {
						n.other = &rule.others[m.r.IntN(len(rule.others))]
					}
					m.nodes = append(m.nodes, n)
				}
				var old []node
				var written []string
				for range 2 + m.r.IntN(20) {
					n := m.nodes[m.r.IntN(len(m.nodes))]
					if m.r.IntN(3) == 0 {
						m.write(n, m.r.Int64N(20))
						written = append(written, n.row)
					} else if len(old) > 0 {
						o := old[m.r.IntN(len(old))]
						m.deliver(n, o.state, o.row)
					}
					if !n.state.Version.IsZero() {
						old = append(old, *n)
					}
				}
				m.rest()
				for _, n := range m.nodes {
					if n.state.Version != m.nodes[0].state.Version || n.row != m.nodes[0].row {
						t.Fatalf("seed %d: %s holds %v %q, %s holds %v %q", seed, n.name, n.state, n.row, m.nodes[0].name, m.nodes[0].state, m.nodes[0].row)
					}
				}
				for _, w := range written {
					if w != m.nodes[0].row && !m.over[w] && !m.losers[w] {
						t.Fatalf("seed %d: the write %q is nowhere", seed, w)
					}
				}
				// Messages delayed for long no longer change anything.
				for _, o := range old {
					n := m.nodes[m.r.IntN(len(m.nodes))]
					if m.deliver(n, o.state, o.row); n.news {
						t.Fatalf("seed %d: %v arrived late and made %v", seed, o.state, n.state)
					}
				}
			}
		})
	}
}

// TestTheFirstListedClientWins lets each client write once, without having seen another write:
// whatever the order, the row of the first listed client wins.
func TestTheFirstListedClientWins(t *testing.T) {
	p := conflict.Policy{Name: conflict.Priority, Clients: []string{"hq", "b"}}
	for seed := range uint64(1000) {
		m := &meeting{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 1)), policy: p,
			rows: map[change.Version]string{}, over: map[string]bool{}, losers: map[string]bool{}}
		for _, name := range []string{"a", "b", "c", "d", "hq"} {
			n := &node{name: name}
			m.nodes = append(m.nodes, n)
			m.write(n, 1+m.r.Int64N(20))
		}
		first := m.nodes[4].row
		m.rest()
		if i := slices.IndexFunc(m.nodes, func(n *node) bool { return n.row != first }); i >= 0 {
			t.Fatalf("seed %d: %s holds %q, want %q", seed, m.nodes[i].name, m.nodes[i].row, first)
		}
	}
}

// TestADecisionIsAcceptedByNodesThatKnowTheBaseline: the node that held the row from the beginning
// removes it from the decision's vector in passing (Credible), and all nodes to which it forwards
// the decision must still accept it. Promise 3.
func TestADecisionIsAcceptedByNodesThatKnowTheBaseline(t *testing.T) {
	t.Parallel()
	write := change.Version{Time: 2000, Origin: "c"}
	held := change.State{Version: write, Seen: change.Vector{{Time: change.Baseline, Origin: "b"}}}
	decision := change.State{Version: change.Decided(2001, "a", "mark"), Seen: change.Vector{{Time: 1500, Origin: "a"}, write}}
	if d, after := conflict.Resolve(held, decision); !d.Writes() || after.Version != decision.Version {
		t.Errorf("%v, %v", d, after)
	}
}
