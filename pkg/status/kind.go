package status

import "errors"

// Kinds of errors: one of these is wrapped where the caller answers differently for it.
var (
	ErrRequest     = errors.New("bad request")   // the request has a mistake
	ErrNotFound    = errors.New("not found")     // what it names does not exist
	ErrChanged     = errors.New("written since") // it has changed since the caller looked
	ErrUnavailable = errors.New("not reachable") // the database, the broker or a remote is unavailable
)

// Kind returns an error that reads as err and also wraps kind.
func Kind(kind, err error) error { return kinded{kind, err} }

type kinded struct{ kind, err error }

func (k kinded) Error() string   { return k.err.Error() }
func (k kinded) Unwrap() []error { return []error{k.kind, k.err} }
