// Package capture gives the local writes of the synced tables their versions, and thereby positions at the end of the
// stream. A Source notices the writes.
//
// Promise 1 begins here: a write leaves its Source only in the transaction that records its version. The sending side
// reads the row itself.
package capture
