package schema

import (
	"crypto/sha256"
	"encoding/hex"
)

// Lock returns the name of the server lock held by the node that works on a database; see GET_LOCK in the manuals.
func Lock(database string) string {
	sum := sha256.Sum256([]byte(database))
	return "mysql-sync " + hex.EncodeToString(sum[:])[:32]
}
