package capture

import "testing"

func TestIDsAreNamedByRuns(t *testing.T) {
	for want, ids := range map[string][]uint64{
		"id IN (7)":                          {7},
		"id IN (1,2,3)":                      {1, 2, 3},
		"id BETWEEN 1 AND 4":                 {1, 2, 3, 4},
		"id BETWEEN 5 AND 9 OR id IN (1,11)": {1, 5, 6, 7, 8, 9, 11},
		"id BETWEEN 1 AND 4 OR id BETWEEN 6 AND 9 OR id IN (18446744073709551615)": {1, 2, 3, 4, 6, 7, 8, 9, 18446744073709551615},
	} {
		entries := make([]entry, len(ids))
		for i, id := range ids {
			entries[i].id = id
		}
		if got := string(appendIDs(nil, entries)); got != want {
			t.Errorf("the condition is %q, want %q", got, want)
		}
	}
}
