package schemafuzz_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schemafuzz"
)

const (
	// enough is the time after which no further script begins: a busy machine plays fewer.
	enough = 20 * time.Second
	// patience is only ever exhausted by a failure.
	patience = 2 * time.Minute
)

// TestRandomSchemas plays the first few scripts of those that "make soak" plays without end.
func TestRandomSchemas(t *testing.T) {
	began := time.Now()
	for i := range uint64(20) {
		if time.Since(began) > enough {
			break
		}
		kinds, sites := schemafuzz.All&^schemafuzz.Unmended, 2
		if i%2 == 1 {
			kinds &^= schemafuzz.Apart
		} else {
			kinds &^= schemafuzz.UnmendedApart
		}
		if i%4 > 1 {
			sites = 3
		}
		t.Run(fmt.Sprintf("seed %d", i+1), func(t *testing.T) {
			s := schemafuzz.NewScript(i+1, kinds, sites, 3)
			r := schemafuzz.Play(t.Context(), t, s, patience)
			t.Logf("%d writes, %d conflicts, %d unique values cleared", r.Writes, r.Conflicts, r.Cleared)
			if len(r.Wrong) > 0 {
				t.Errorf("%s\n%s\n%s", strings.Join(r.Wrong, "\n"), s.Header(), r.Log)
			}
		})
	}
}
