package job

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// UsualStall is how long a run waits for the next row unless its configuration says otherwise.
const UsualStall = time.Hour

// stalled means that no row has come for too long.
type stalled struct{ most time.Duration }

// Error says what to do if that was right.
func (s *stalled) Error() string {
	return fmt.Sprintf("no row has come for %s; if that can be right, raise stall in the job's from", s.most)
}

// stall is how long a read has waited for its next row. What the taker of a row needs does not count: a destination may be slow.
type stall struct {
	most  time.Duration // 0: any
	timer *time.Timer
}

// arrived stops the clock while a row is taken.
func (s *stall) arrived() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// waits starts it again.
func (s *stall) waits() {
	if s.timer != nil {
		s.timer.Reset(s.most)
	}
}

// unstalled calls read, whose context ends if a row is waited for too long: a source may be silent, or send a byte now and then.
func unstalled(ctx context.Context, most time.Duration, read func(context.Context, *stall) error) error {
	s := &stall{most: most}
	if most == 0 {
		return read(ctx, s)
	}
	late := &stalled{most}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.timer = time.AfterFunc(most, func() { cancel(late) })
	defer s.timer.Stop()
	err := read(ctx, s)
	if err != nil && errors.Is(context.Cause(ctx), late) {
		return late
	}
	return err
}
