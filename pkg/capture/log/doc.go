// Package log notices local writes by reading the server's binary log: no triggers, no poll, and nothing in the users'
// transactions. Where the server does not log what its foreign keys do, triggers on the parents stay.
//
// It is a capture.Source, and keeps promise 1 by a position that moves in the transaction that records versions, and
// promise 3 by a barrier: whoever holds a row's lock asks how far the log is written, waits until that is read, and is told
// what was read and is not recorded. DESIGN.md has the argument. The bytes of the log are the business of package binlog.
package log
