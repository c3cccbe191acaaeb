package status

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A long verify goes on while the database is briefly busy, and ends when it hangs.
func TestQuestionsEndWhenTheDatabaseMissesTwoPings(t *testing.T) {
	t.Parallel()
	at, busy := time.Unix(1_700_000_000, 0), errors.New("busy")
	p := NewPulse("db:3306", at)
	p.answers(at, "10.11")
	ctx, done := p.while(t.Context())
	p.note(at, busy)
	p.answers(at, "10.11")
	p.note(at, busy)
	if err := context.Cause(ctx); err != nil {
		t.Errorf("one miss ended the question: %v", err)
	}
	p.note(at, busy)
	if gone := new(away); !errors.As(context.Cause(ctx), gone) {
		t.Errorf("two misses: %v", context.Cause(ctx))
	}
	done()
	if ctx, done := p.while(t.Context()); context.Cause(ctx) == nil {
		t.Error("a question begins while the database is away")
	} else {
		done()
	}
	if len(p.waiting) != 0 {
		t.Errorf("%d questions are kept", len(p.waiting))
	}
}
