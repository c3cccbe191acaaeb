package route

import (
	"encoding/json"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// label is a row's routing values, one for each rule of its root table.
type label struct {
	root   string
	values []*string // nil: NULL, which stands for no remote
}

const (
	longestLabel  = 700 // bytes of the JSON of its values
	longestValue  = 255 // bytes of a value that can stand for a remote
	longestClient = 32  // bytes of its name
)

// text returns the values as they are stored.
func (l label) text() ([]byte, error) { return json.Marshal(l.values) }

// fitting returns the label without the values that no name of a remote and no key of a lookup table is as long as: like NULL,
// they stand for nobody. If the others are too long together, it has none: one such row must not hold up all others.
func (l label) fitting() label {
	values := slices.Clone(l.values)
	for i, v := range values {
		if v != nil && len(*v) > longestValue {
			values[i] = nil
		}
	}
	if b, err := json.Marshal(values); err != nil || len(b) > longestLabel {
		clear(values)
	}
	return label{l.root, values}
}

// parse is the inverse of text.
func parse(root string, text []byte) (l label, err error) {
	l.root = root
	err = json.Unmarshal(text, &l.values)
	return l, err
}

// lookups are the contents of lookup tables: the remotes of each value.
type lookups map[config.RouteLookup]map[string][]string

// remotes returns which of the remotes get the rows of a label. It is pure.
func (l label) remotes(rules []config.RouteRule, all []string, looked lookups) (have []string) {
	for i, rule := range rules {
		if i >= len(l.values) || l.values[i] == nil {
			continue
		}
		named := []string{rule.Named(*l.values[i])}
		if rule.Lookup != nil {
			named = looked[*rule.Lookup][*l.values[i]]
		}
		for _, name := range named {
			if slices.Contains(all, name) && !slices.Contains(have, name) {
				have = append(have, name)
			}
		}
	}
	return have
}

// values returns the values of a rule that lead to a remote.
func values(rule config.RouteRule, remote string, looked lookups) (list []string) {
	if rule.Lookup == nil {
		if v, ok := rule.Value(remote); ok {
			list = append(list, v)
		}
		return list
	}
	for v, remotes := range looked[*rule.Lookup] {
		if slices.Contains(remotes, remote) {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// pairs are labels that remotes win, or lose, or both.
type pairs map[string][]uint32 // by remote

// and returns the labels that each remote has in either.
func (p pairs) and(other pairs) pairs {
	both := pairs{}
	for _, labels := range []pairs{p, other} {
		for remote, ids := range labels {
			both[remote] = union(both[remote], ids)
		}
	}
	return both
}

// changed returns which labels of a root table remotes win and lose between two states of the lookup tables. It is pure.
func changed(labels map[uint32]label, rules []config.RouteRule, all []string, before, after lookups) (won, lost pairs) {
	won, lost = pairs{}, pairs{}
	for id, l := range labels {
		was, is := l.remotes(rules, all, before), l.remotes(rules, all, after)
		for _, remote := range is {
			if !slices.Contains(was, remote) {
				won[remote] = append(won[remote], id)
			}
		}
		for _, remote := range was {
			if !slices.Contains(is, remote) {
				lost[remote] = append(lost[remote], id)
			}
		}
	}
	return won, lost
}
