package apply

import (
	"iter"
	"maps"
	"slices"
)

// fewMost is how many members a set has without a map.
const fewMost = 8

// few is a set that takes little room while it has few members, as most have: a map takes some hundred bytes even for one. The zero
// value is ready.
type few[T comparable] struct {
	list []T            // its elements are never overwritten, since someone may be walking it
	many map[T]struct{} // has all, once there were too many for the list
}

func (s *few[T]) add(v T) {
	switch {
	case s.many != nil:
		s.many[v] = struct{}{}
	case slices.Contains(s.list, v):
	case len(s.list) < fewMost:
		s.list = append(s.list, v)
	default:
		s.many = make(map[T]struct{}, 2*fewMost)
		for _, x := range append(s.list, v) {
			s.many[x] = struct{}{}
		}
		s.list = nil
	}
}

func (s *few[T]) remove(v T) {
	if s.many != nil {
		delete(s.many, v)
	} else if i := slices.Index(s.list, v); i >= 0 {
		s.list = slices.Concat(s.list[:i], s.list[i+1:])
	}
}

func (s *few[T]) size() int { return len(s.list) + len(s.many) }

// all yields the members. They may be removed meanwhile.
func (s *few[T]) all() iter.Seq[T] {
	switch {
	case s == nil:
		return func(func(T) bool) {}
	case s.many != nil:
		return maps.Keys(s.many)
	}
	return slices.Values(s.list)
}
