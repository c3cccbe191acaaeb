// Package capture notices the changes of the synced tables: it installs the triggers that write
// table_changes, polls that table, and gives each changed row its version, and with it a place at
// the end of the stream.
//
// It keeps promise 1 at its start: a change leaves table_changes only in the transaction that
// records its version. It keeps promise 7 for the user's writers: a trigger writes one short row
// per changed row, and waits for neither the network nor the daemon. Reading the row itself is left
// to the sending side.
package capture
