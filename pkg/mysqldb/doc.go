// Package mysqldb opens the node's database, says which of its errors heal by themselves, and which
// key to check if it cannot be reached.
//
// It keeps promise 7 for sessions: READ COMMITTED, short lock waits, the same SQL mode, time zone
// and character set on every connection. Statements are left to the packages that use them.
package mysqldb
