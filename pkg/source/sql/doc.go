// Package sql reads the rows of a query from MySQL, MariaDB, PostgreSQL, SQLite or SQL Server.
//
// Rows are streamed from one snapshot of a read-only session, so that a result of any size needs memory for only a
// few rows, and a dry run changes nothing whatever the query says. Values take the form of package record: moments in
// RFC 3339, decimals and large numbers as text, bytes in the form of Node's Buffer.
package sql
