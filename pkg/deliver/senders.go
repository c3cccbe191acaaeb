package deliver

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Senders are the senders of a node, by remote.
type Senders map[string]*Sender

// Begin starts each one's run; see Sender.Begin.
func (all Senders) Begin(ctx context.Context) error {
	for _, s := range all {
		if err := s.Begin(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run runs them all until ctx ends.
func (all Senders) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range all {
		g.Go(func() error { return s.Run(ctx) })
	}
	return g.Wait()
}

// Wake makes all of them look for work.
func (all Senders) Wake() {
	for _, s := range all {
		s.Wake()
	}
}

// Marked is called when rows may have been marked for any remote.
func (all Senders) Marked() {
	for _, s := range all {
		s.Marked()
	}
}

// MarkedFor is called when rows were marked for a remote.
func (all Senders) MarkedFor(remote string) {
	if s := all[remote]; s != nil {
		s.Marked()
	}
}

// Readable is called when a table whose rows may be waiting can be read again.
func (all Senders) Readable(table string) {
	for _, s := range all {
		s.Readable(table)
	}
}

// Retry makes all of them retry refused rows at once.
func (all Senders) Retry() {
	for _, s := range all {
		s.Retry()
	}
}

// Each calls f for each remote: how many rows are in flight to it, since when it has not answered, and since when its
// sender has been at one step; see Sender.
func (all Senders) Each(see func(remote string, inFlight int, mute, busy time.Time)) {
	for remote, s := range all {
		see(remote, s.InFlight(), s.Mute(), s.Busy())
	}
}
