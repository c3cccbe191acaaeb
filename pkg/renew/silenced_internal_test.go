package renew

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestMeaningOfALaterWriteHeldByARemote(t *testing.T) {
	t.Parallel()
	const wrote, now = int64(1000), int64(2000)
	held := change.State{Version: change.Version{Time: 900, Origin: "a"}, Seen: change.Vector{{Time: 800, Origin: "a~x"}}}
	for name, c := range map[string]struct {
		by   wire.Held
		held change.State
		want silence
	}{
		"one of its own writes":                           {wire.Held{Origin: "a", Time: 900}, held, late},
		"an earlier one":                                  {wire.Held{Origin: "a", Time: 700}, held, late},
		"one after its last, which it did not make":       {wire.Held{Origin: "a", Time: 1500}, held, untrue},
		"an earlier one that it may have forgotten":       {wire.Held{Origin: "a", Time: 950}, held, unknown},
		"one too far in the future":                       {wire.Held{Origin: "a", Time: 2500}, held, unknown},
		"another client's, which has not arrived yet":     {wire.Held{Origin: "b", Time: 1500}, change.State{Version: change.Version{Time: 900, Origin: "b"}}, unknown},
		"one of a row that now belongs to another client": {wire.Held{Origin: "a", Time: 1500}, change.State{Version: change.Version{Time: 1900, Origin: "b"}}, late},
		"one of a forgotten row":                          {wire.Held{Origin: "a", Time: 1500}, change.State{}, late},
	} {
		if got := heardOf(c.by, c.held, "a", wrote, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
