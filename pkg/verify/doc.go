// Package verify compares tables with those of remotes, repairs what differs, and answers the same questions of others.
//
// Nodes ask each other for checksums, then for rows. The asker learns no more than it is sent: through the transformer,
// only the columns that it may have, and nothing about a table that is not sent to it; see [protocol.md]. Changes that
// wait for rows that their sender may not know are asked about in the same way.
//
//   - Promise 8: a question is answered as its asker would be sent the rows.
//   - Promise 10: no question or answer costs more than its bounds.
//
// [protocol.md]: https://github.com/mysql-sync/mysql-sync/blob/main/docs/protocol.md
package verify
