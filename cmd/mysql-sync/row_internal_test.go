package main

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// TestARowThatIsNotForARemoteIsSaidToBeSo: the row here is not compared with what such a remote has.
func TestARowThatIsNotForARemoteIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	for is, want := range map[string]string{
		"nowhere": "not in its part, on its way", "missing here": "there, but not in its part, on its way", "incomparable": "incomparable, not in its part, on its way",
	} {
		if got := siteText(&status.RowSite{Is: is, NotIts: true, Pending: true}); got != want {
			t.Errorf("%s: %q, want %q", is, got, want)
		}
	}
}
