// Package capture notices the changes of the synced tables: it installs the
// triggers that write table_changes, polls that table, gives each changed row
// its version and has it marked for the remotes.
//
// It keeps promise 1 at its beginning: a change leaves table_changes only in the
// transaction that records it in the outbox. It keeps promise 7 for the user's
// writers: a trigger writes one short row and waits for nobody. Reading the row
// itself is left to the sending side.
package capture
