package route

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// label is a row's routing values, one for each rule of its root table.
type label struct {
	root   string
	values []*string // nil: NULL, which stands for no remote
}

// longestLabel limits the values of a label, in bytes of JSON.
const longestLabel = 700

// text returns the values as they are stored.
func (l label) text() ([]byte, error) {
	b, err := json.Marshal(l.values)
	if err == nil && len(b) > longestLabel {
		err = fmt.Errorf("the values by which a row of %s is routed are too long", l.root)
	}
	return b, err
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

// pairs are the labels that each remote wins or loses.
type pairs map[string][]uint32 // by remote

// changed returns the difference between two states of the lookup tables, for all labels of a root table. It is pure.
func changed(labels map[uint32]label, rules []config.RouteRule, all []string, before, after lookups) pairs {
	p := pairs{}
	for id, l := range labels {
		was, is := l.remotes(rules, all, before), l.remotes(rules, all, after)
		for _, remote := range slices.Concat(was, is) {
			if slices.Contains(was, remote) != slices.Contains(is, remote) {
				p[remote] = append(p[remote], id)
			}
		}
	}
	return p
}
