package status

import "testing"

func TestHowATableStandsWithARemote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s    Stream
		r    road
		want string
	}{
		"nothing is sent to it":               {r: road{Online: true, Met: true}, want: NotSent},
		"it was never there":                  {r: road{Sends: true}, want: NeverSent},
		"it was never there, with changes":    {Stream{Pending: Count{Rows: 1}}, road{Sends: true, Initial: true}, Pending},
		"it has come, its table has not gone": {r: road{Sends: true, Online: true, Met: true, Initial: true}, want: NeverSent},
		"its table is going":                  {r: road{Sends: true, Online: true, Met: true, Initial: true, Begun: true}, want: Sending},
		"it has all":                          {r: road{Sends: true, Online: true, Met: true, Initial: true, Whole: true}, want: InStep},
		"it had all, and is away":             {r: road{Sends: true, Met: true, Initial: true, Whole: true}, want: Idle},
		"it refuses rows":                     {Stream{Errors: 1}, road{Sends: true, Online: true, Met: true, Whole: true}, Refused},
		"it does not take it":                 {Stream{KeptBack: true}, road{Sends: true, Online: true, Met: true, Whole: true}, NotTaken},
		"it gets changes only":                {r: road{Sends: true, Online: true, Met: true}, want: Idle},
	} {
		if got := test.s.standing(test.r); got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}
