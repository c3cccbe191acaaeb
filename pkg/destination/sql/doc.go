// Package sql writes rows into a table of MySQL, MariaDB, PostgreSQL, SQLite or SQL Server.
//
// A batch is one transaction. Rows are identified by their key columns, so resending a batch whose answer was lost is
// harmless; only without a key does it add its rows twice. Values are bound, never written into statements, in the form
// that the column's type needs.
package sql
