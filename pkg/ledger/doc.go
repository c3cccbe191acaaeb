// Package ledger is the connector's state: one SQLite file that holds what each destination has, what it still needs,
// and what has been done.
//
// A leg's rows say which state of each key the destination has acknowledged, and under which id. Its outbox holds the
// newest state of each key that the destination still needs. A batch is recorded before it is sent, and its answers
// are booked in one transaction, so that after a kill at any instruction
//
//   - no row is lost: the place up to which a source has been read moves in the transaction that fills the outbox, and
//     the settled place only in the one that books the answers (promise 1);
//   - a row is sent twice only if its answer was lost, as part of a batch in doubt that keeps its id (promise 2);
//   - a state of a key in one batch is answered before a newer state of that key is sent.
//
// Rows are read, decided about by pure functions (decide.go), and stored. There is one writer at a time; readers work
// alongside it. The ledger knows nothing about sources and destinations, nor when to send.
package ledger
