package testkit

import (
	"fmt"
	"strings"
)

// place is a Site, or a package's own variant of one.
type place interface {
	fmt.Stringer
	Rows(query string) (string, error)
}

// Alike waits until a query returns the same at all sites.
func Alike[P place](tb TB, query string, sites ...P) {
	tb.Helper()
	Eventually(tb, "the same of "+query, func() error {
		first, err := sites[0].Rows(query)
		if err != nil {
			return err
		}
		for _, s := range sites[1:] {
			got, err := s.Rows(query)
			if err != nil {
				return err
			}
			if got != first {
				return fmt.Errorf("%s and %s differ:\n%s", sites[0], s, difference(first, got))
			}
		}
		return nil
	})
}

// difference shows the first lines in which two results differ.
func difference(one, two string) string {
	x, y := strings.Split(one, "\n"), strings.Split(two, "\n")
	i := 0
	for i < min(len(x), len(y)) && x[i] == y[i] {
		i++
	}
	return fmt.Sprintf("of %d and %d lines, from line %d on:\n%.1000s\n---\n%.1000s", len(x)-1, len(y)-1, i+1,
		strings.Join(x[i:min(i+3, len(x))], "\n"), strings.Join(y[i:min(i+3, len(y))], "\n"))
}
