// Package schema knows the tables: the user's as the server describes them, and the node's own with
// their numbered migrations.
//
// It keeps promise 8 for tables and columns (a name not found here never appears in a statement) and the part of
// promise 7 that uninstall leaves no trace: Own lists everything there is. Triggers are package capture's business.
package schema
