package capture

import (
	"net/url"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// ParseDetail returns the columns that a write changed (nil: all, or unknown), and what it did to counters, by what a trigger has
// written of it.
func ParseDetail(b []byte) (changed []string, counted []change.Counted) {
	if b == nil {
		return nil, nil
	}
	changed, all := []string{}, false
	for part := range strings.SplitSeq(string(b), ",") {
		at := strings.IndexAny(part, ":=")
		if part == "*" {
			all = true
			continue
		} else if at >= 0 {
			if w, ok := parseCounted(part[:at], part[at+1:], part[at] == '='); ok {
				counted = append(counted, w)
			}
			continue
		}
		name, err := url.QueryUnescape(part)
		if err != nil {
			return nil, counted
		}
		if name != "" {
			changed = append(changed, name)
		}
	}
	if all {
		changed = nil
	}
	return changed, counted
}

// parseCounted reads what a trigger has written of one counter.
func parseCounted(name, text string, set bool) (w change.Counted, ok bool) {
	name, err := url.QueryUnescape(name)
	before, after := "", text
	if !set {
		before, after, _ = strings.Cut(text, ":")
	}
	ok = err == nil
	for _, amount := range []*string{&before, &after} {
		if *amount != "" && ok {
			*amount, ok = value.Amount(*amount)
		}
	}
	return change.Counted{Name: strings.ToLower(name), Old: before, New: after, Set: set}, ok
}
