package version

import (
	"fmt"
	"slices"
	"testing"
)

func TestIDsAreTakenForRunsWhereTheyHaveLeastInCommon(t *testing.T) {
	t.Parallel()
	numbers := func(ranges ...int) (ids []string) {
		for i := 0; i < len(ranges); i += 2 {
			for n := ranges[i]; n <= ranges[i+1]; n++ {
				ids = append(ids, fmt.Sprint(n))
			}
		}
		slices.Sort(ids)
		return ids
	}
	for _, c := range []struct {
		name string
		ids  []string
		want []string
	}{
		{"none", []string{""}, []string{"–"}},
		{"one", []string{"5"}, []string{"5–5"}},
		{"numbers that get longer", numbers(980, 1019), []string{"1000–1019", "980–989", "990–999"}},
		{"several users", numbers(11000, 11009, 12000, 12009, 53000, 53009), []string{"11000–11009", "12000–12009", "53000–53009"}},
		{"a long run and a stranger", append(numbers(5000, 5099), "x"), []string{"5000–5009", "5010–5019", "5020–5029", "5030–5039", "5040–5049", "5050–5059", "5060–5069", "5070–5079", "5080–5089", "5090–5099", "x–x"}},
		{"too many to tell apart", []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"}, []string{"a–q"}},
	} {
		var got []string
		for r := range runs(c.ids) {
			got = append(got, r[0]+"–"+r[len(r)-1])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for range runs([]string{"a", "b"}) {
		break
	}
}
