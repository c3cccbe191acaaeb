package schema

import (
	"crypto/sha256"
	"encoding/hex"
)

// Lock returns the name of the server's lock that the node holds which works on a
// database; see GET_LOCK in the manuals.
func Lock(database string) string {
	sum := sha256.Sum256([]byte(database))
	return "mysql-sync " + hex.EncodeToString(sum[:])[:32]
}
