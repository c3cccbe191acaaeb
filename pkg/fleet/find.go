package fleet

import (
	"slices"
	"strings"
)

// Matching returns the sites whose name, state, version, server or problems contain a text, ignoring case.
func (f *Fleet) Matching(text string) []*Site {
	text = strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return slices.DeleteFunc(slices.Clone(f.Sites), func(x *Site) bool {
		if has(x.Name) || has(x.Standing) || has(x.Why) || slices.ContainsFunc(x.Pauses, func(p Pause) bool { return has(p.By) || has(p.Reason) || has(p.Table) }) {
			return false
		}
		return x.Told == nil || !has(x.Told.Summary.Version) && !has(x.Told.Summary.Database.Server) && !slices.ContainsFunc(x.Told.Summary.Problems, has)
	})
}
