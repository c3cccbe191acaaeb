package mongodb

import (
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Codes of errors that only a person can fix: the login, its privileges, the collection. Source:
// https://www.mongodb.com/docs/manual/reference/error-codes/.
var hopeless = []int{11, 13, 18, 26, 73, 166, 8000}

// Codes of transient errors: a server that is stopping, no longer primary, too slow or overloaded. Part of the command
// may have been executed. Source: retryable writes in https://github.com/mongodb/specifications; 16500 is Cosmos DB's.
var passing = []int{6, 7, 24, 46, 50, 89, 91, 112, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436, 16500}

const (
	duplicateKey = 11000
	tooLarge     = 10334
)

// verb is what to do about the error of a whole command.
func verb(err error) remote.Verb {
	if _, ok := errors.AsType[topology.ServerSelectionError](err); ok {
		return remote.Retry // nothing was sent
	}
	if e, ok := errors.AsType[mongo.CommandError](err); ok && !mongo.IsNetworkError(err) && !mongo.IsTimeout(err) {
		switch {
		case slices.Contains(hopeless, int(e.Code)):
			return remote.Stop
		case e.Code == tooLarge:
			return remote.Halve
		case slices.Contains(passing, int(e.Code)) || e.HasErrorLabel("RetryableWriteError"):
			return remote.Doubt
		case e.Code != 0:
			return remote.RowRefused
		}
	}
	return remote.Doubt
}
