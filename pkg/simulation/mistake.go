package simulation

// Mistake is a way in which the model is made to work wrongly, to see that the
// simulation notices.
type Mistake uint8

// The mistakes.
const (
	NoMistake          Mistake = iota
	AckIgnoresToken            // an ack takes a row out of the outbox that was marked again meanwhile
	DecideByArrival            // what arrives is written, whatever its version
	NoTombstones               // the version of a row is forgotten with the row
	NoVectors                  // a version knows nothing but itself
	LaterKnowsAll              // a later version is taken to have known the one it replaces
	NoLogicalClock             // a local write has the time of the clock, whatever the row has seen
	IgnorePending              // apply does not look at local changes that are not captured yet
	DecideBeforeLock           // apply reads local changes before it locks the row
	LockOnce                   // a row that comes while apply looks is not locked
	AckBeforeCommit            // a batch is acked when it is received
	RowBeforeVersion           // what is sent is read before its version
	CaptureThenMark            // captured changes are dropped before the outbox has them
	CaptureByLastID            // capture reads the changes after the last id that it has seen
	NoPassOn                   // what comes from a remote is not passed on
	PassOnKnown                // a version that the node has is passed on again
	ForgetFlightAtKill         // the outbox counts what was sent as delivered
)
