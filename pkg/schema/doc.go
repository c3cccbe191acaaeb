// Package schema knows the tables: those of the user as the server describes
// them, and the node's own with their numbered migrations.
//
// It keeps promise 8 for tables and columns (what is not found here is never
// named in a statement) and the part of promise 7 that says that uninstall
// leaves no trace: Own lists all that there is. Triggers are package capture's
// business.
package schema
