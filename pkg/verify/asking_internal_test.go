package verify

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// A question whose time ends while it is sent again was not answered, like one that waits: whoever asked is told that, not how the
// node sends.
func TestAQuestionWhoseTimeIsOverWasNotAnswered(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	sending := fmt.Errorf("publish /verify/store-17/hq: %w", context.DeadlineExceeded)
	if err := unsent(over, "store-17", sending); !errors.Is(err, errNoAnswer) || err.Error() != "the remote does not answer: store-17" {
		t.Error(err)
	}
	large := errors.New("its 300 bytes are more than 200")
	if err := unsent(t.Context(), "store-17", large); !errors.Is(err, large) || errors.Is(err, errNoAnswer) {
		t.Error(err)
	}
}
