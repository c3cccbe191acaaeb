package status

import "testing"

func TestTableStateAtARemote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s    Stream
		r    road
		want string
	}{
		"it gets nothing":                           {r: road{Online: true, Met: true}, want: NotSent},
		"it was never online":                       {r: road{Sends: true}, want: NeverSent},
		"it was never online, with changes":         {Stream{Pending: Count{Rows: 1}}, road{Sends: true, Initial: true}, Pending},
		"it is online, its table has not been sent": {r: road{Sends: true, Online: true, Met: true, Initial: true}, want: NeverSent},
		"its table is being sent":                   {r: road{Sends: true, Online: true, Met: true, Initial: true, Begun: true}, want: Sending},
		"it has everything":                         {r: road{Sends: true, Online: true, Met: true, Initial: true, Whole: true}, want: InStep},
		"it had everything and is offline":          {r: road{Sends: true, Met: true, Initial: true, Whole: true}, want: Idle},
		"it is paused":                              {Stream{Paused: true, Pending: Count{Rows: 1}, Errors: 1}, road{Sends: true, Online: true, Met: true, Whole: true}, Paused},
		"it refuses rows":                           {Stream{Errors: 1}, road{Sends: true, Online: true, Met: true, Whole: true}, Refused},
		"it does not accept the table":              {Stream{KeptBack: true}, road{Sends: true, Online: true, Met: true, Whole: true}, NotTaken},
		"it gets changes only":                      {r: road{Sends: true, Online: true, Met: true}, want: Idle},
	} {
		if got := test.s.standing(test.r); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
