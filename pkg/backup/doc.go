// Package backup keeps copies of a connector's state in an S3 bucket, and restores them.
//
// It keeps promise 10: a copy is consistent whatever is written meanwhile, is checked before it is uploaded, and is
// restored by one command, or automatically if there is no state. A failure stops nothing: it is reported and retried.
// A lease in the bucket lets only one of several machines run.
//
// Pure functions decide when a copy is due and who has the lease (due.go, lease.go). Package ledger knows what a state is,
// and how a copy replaces it.
package backup
