// Package mysqldb opens the node's database, says which of its errors heal by
// themselves, and which key to look at where it cannot be had.
//
// It keeps promise 7 for sessions: READ COMMITTED, short waits for locks, the
// same SQL mode, time zone and character set on every connection. Statements
// are left to the packages that use them.
package mysqldb
