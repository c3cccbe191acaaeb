package route

import "context"

// Through has the router work on its database through another.
func (r *Router) Through(wrap func(Database) Database) { r.db = wrap(r.db) }

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

// LabelNext labels the next rows of a table whose route is new.
func (r *Router) LabelNext(ctx context.Context) (more bool, err error) { return r.labelNext(ctx) }

// MoveNext moves the children of the next moved rows.
func (r *Router) MoveNext(ctx context.Context) (more bool, err error) { return r.moveNext(ctx) }

// RerouteNext marks the next rows that remotes win or lose.
func (r *Router) RerouteNext(ctx context.Context) error {
	_, err := r.rerouteNext(ctx)
	return err
}
