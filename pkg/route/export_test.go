package route

import "context"

// LookAgain reads the lookup tables now.
func (r *Router) LookAgain(ctx context.Context) error { return r.lookAgain(ctx) }

// Reroute marks all rows that remotes win or lose now.
func (r *Router) Reroute(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = r.rerouteNext(ctx); err != nil {
			return err
		}
	}
	return nil
}
