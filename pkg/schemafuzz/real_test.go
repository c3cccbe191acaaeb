package schemafuzz_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schemafuzz"
)

// TestNamesThatNeedQuoting plays the smallest of the real schemas; "make soak" plays them all.
func TestNamesThatNeedQuoting(t *testing.T) {
	for _, real := range schemafuzz.Reals() {
		if real.Name != "names" {
			continue
		}
		if wrong := schemafuzz.PlayReal(t.Context(), t, real, 1, patience); len(wrong) > 0 {
			t.Error(strings.Join(wrong, "\n"))
		}
		return
	}
	t.Error("there is no such schema")
}
