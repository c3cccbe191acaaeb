package route

import (
	"context"
	"time"
)

// Through has the router work on its database through another.
func (r *Router) Through(wrap func(Database) Database) { r.db = wrap(r.db) }

// At has the router take another time for the present.
func (r *Router) At(now time.Time) { r.now = func() time.Time { return now } }

// LookAgain reads the lookup tables now.
func (r *Router) LookAgain(ctx context.Context) error { return r.lookAgain(ctx) }

// Reroute marks all rows that remotes win or lose now. It waits for the transactions that may still record some.
func (r *Router) Reroute(ctx context.Context) error {
	for {
		again, err := r.rerouteNext(ctx)
		if err != nil {
			return err
		}
		jobs, err := r.db.Reroutings(ctx, 0, 1)
		if err != nil || len(jobs) == 0 {
			return err
		}
		if !again {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// LabelNext labels the next rows of a table whose route is new.
func (r *Router) LabelNext(ctx context.Context) (more bool, err error) { return r.labelNext(ctx) }

// MoveNext moves the children of the next moved rows.
func (r *Router) MoveNext(ctx context.Context) (more bool, err error) { return r.moveNext(ctx) }

// RerouteNext marks the next rows that remotes win or lose.
func (r *Router) RerouteNext(ctx context.Context) error {
	_, err := r.rerouteNext(ctx)
	return err
}
