package renew

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestWhatALaterWriteThatARemoteHoldsMeans(t *testing.T) {
	t.Parallel()
	const wrote, now = int64(1000), int64(2000)
	held := change.State{Version: change.Version{Time: 900, Origin: "a"}, Seen: change.Vector{{Time: 800, Origin: "a~x"}}}
	for name, c := range map[string]struct {
		by   wire.Held
		held change.State
		want silence
	}{
		"a write that it has made":                 {wire.Held{Origin: "a", Time: 900}, held, late},
		"one before":                               {wire.Held{Origin: "a", Time: 700}, held, late},
		"one after its last, that it has not made": {wire.Held{Origin: "a", Time: 1500}, held, untrue},
		"one before that it may have forgotten":    {wire.Held{Origin: "a", Time: 950}, held, unknown},
		"one that is too far ahead":                {wire.Held{Origin: "a", Time: 2500}, held, unknown},
		"one of another, which is not here yet":    {wire.Held{Origin: "b", Time: 1500}, change.State{Version: change.Version{Time: 900, Origin: "b"}}, unknown},
		"one of a row that is another's by now":    {wire.Held{Origin: "a", Time: 1500}, change.State{Version: change.Version{Time: 1900, Origin: "b"}}, late},
		"one of a row that is forgotten":           {wire.Held{Origin: "a", Time: 1500}, change.State{}, late},
	} {
		if got := heardOf(c.by, c.held, "a", wrote, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
