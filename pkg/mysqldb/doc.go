// Package mysqldb opens the node's database and says which of its errors heal
// by themselves.
//
// It keeps promise 7 for sessions: READ COMMITTED, short waits for locks, the
// same SQL mode, time zone and character set on every connection. Statements
// are left to the packages that use them.
package mysqldb
