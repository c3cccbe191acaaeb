package main

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/destination/ordeal"
)

// The built connector is killed at random moments while rows change, for each kind of destination, and while services
// misbehave and connections break. `make soak` does so for longer. Package ordeal says what must hold.
func TestR04KilledAtEachDestination(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	for i := range ordeal.All {
		o := &ordeal.All[i]
		if !o.Brief {
			continue
		}
		t.Run(o.Name, func(t *testing.T) {
			t.Parallel()
			r := o.Play(t.Context(), t.Logf, time.Second, seed)
			t.Logf("seed %d\n%s\n%s", seed, ordeal.Heading, r.Row())
			if !r.Good() {
				t.Errorf("%v\nlost: %q\ntwice: %q", r.Err, r.Lost, r.Twice)
			}
		})
	}
}
