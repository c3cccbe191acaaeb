package ledger

import "fmt"

// Hash is the hash of a row's data, after the transformer.
type Hash = [16]byte

// State is the state of a key that a destination has, or should have.
type State struct {
	There bool
	Hash  Hash // of the data; zero if unknown, as after reading a destination that cannot tell
}

// known reports whether the data are known, or known to be absent.
func (s State) known() bool { return !s.There || s.Hash != Hash{} }

// is reports whether both are known to be the same.
func (s State) is(other State) bool { return s.known() && s == other }

// blob returns the state's form in the file.
func (s State) blob() []byte {
	switch {
	case !s.There:
		return []byte{0}
	case s.Hash == Hash{}:
		return []byte{1}
	}
	return s.Hash[:]
}

// state reads what blob wrote.
func state(b []byte) (State, error) {
	switch {
	case len(b) == len(Hash{}):
		return State{There: true, Hash: Hash(b)}, nil
	case len(b) == 1 && b[0] <= 1:
		return State{There: b[0] == 1}, nil
	}
	return State{}, fmt.Errorf("a state of %d bytes", len(b))
}
