// Package webhook sends rows to any HTTP endpoint: one request per row, or per batch.
//
// An endpoint cannot be read back. So each state of a row is an event with an id, which is also the request's
// Idempotency-Key and stays the same when the state is resent: it lets receivers recognise duplicates. With a
// secret, requests are signed according to https://www.standardwebhooks.com, so that a receiver can verify them with an
// existing library.
package webhook
