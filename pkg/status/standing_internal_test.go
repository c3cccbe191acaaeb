package status

import "testing"

func TestHowATableStandsWithARemote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s    Stream
		r    Road
		want string
	}{
		"nothing is sent to it":               {r: Road{Online: true, Met: true}, want: NotSent},
		"it was never there":                  {r: Road{Sends: true}, want: NeverSent},
		"it was never there, with changes":    {Stream{Pending: Count{Rows: 1}}, Road{Sends: true, Initial: true}, Pending},
		"it has come, its table has not gone": {r: Road{Sends: true, Online: true, Met: true, Initial: true}, want: NeverSent},
		"its table is going":                  {r: Road{Sends: true, Online: true, Met: true, Initial: true, Begun: true}, want: Sending},
		"it has all":                          {r: Road{Sends: true, Online: true, Met: true, Initial: true, Whole: true}, want: InStep},
		"it had all, and is away":             {r: Road{Sends: true, Met: true, Initial: true, Whole: true}, want: Idle},
		"it refuses rows":                     {Stream{Errors: 1}, Road{Sends: true, Online: true, Met: true, Whole: true}, Refused},
		"it does not take it":                 {Stream{KeptBack: true}, Road{Sends: true, Online: true, Met: true, Whole: true}, NotTaken},
		"it gets changes only":                {r: Road{Sends: true, Online: true, Met: true}, want: Idle},
	} {
		if got := test.s.standing(test.r); got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}
