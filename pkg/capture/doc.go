// Package capture gives the local writes of the synced tables their versions, and thereby positions at the end of the
// stream. A Source notices the writes.
//
// It is where promise 1 begins: a write leaves its Source only in the transaction that records its version. Reading the
// row itself is left to the sending side, and how writes are noticed to the Source.
package capture
