package record

import (
	"crypto/sha256"
	"encoding/hex"
)

// Record is a row in flight. It is not changed once it has been passed on.
type Record struct {
	Key     string // its key form, see Key; "" in a job without a key
	Data    []byte // a JSON object, see Builder; nil if only the key is known
	Deleted bool   // the source says that the row no longer exists
	Mark    string // the watermark column's value, as the source writes it; "" without one
	Bad     string // why the row cannot be accepted; "": it can. It costs the row, not the run
}

// Hash shows whether a record has changed: it is taken of Data, after the transformer.
type Hash [16]byte

// Sum returns the hash of a JSON object: the first half of its SHA-256.
func Sum(data []byte) Hash {
	sum := sha256.Sum256(data)
	return Hash(sum[:16])
}

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
