package status

import "errors"

// What an error wraps says of what kind it is, for those who answer by it.
var (
	ErrRequest     = errors.New("bad request")   // the request has a mistake
	ErrNotFound    = errors.New("not found")     // what it names is not there
	ErrChanged     = errors.New("written since") // it is not as who asks takes it to be
	ErrUnavailable = errors.New("not reachable") // the database, the broker or a remote is away
)

// Kind returns an error that reads as err and wraps one that says of what kind it is.
func Kind(kind, err error) error { return kinded{kind, err} }

type kinded struct{ kind, err error }

func (k kinded) Error() string   { return k.err.Error() }
func (k kinded) Unwrap() []error { return []error{k.kind, k.err} }
