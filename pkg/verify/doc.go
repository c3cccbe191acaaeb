// Package verify compares tables with those of remotes, repairs what differs, and answers the same questions of others.
//
// Nodes ask each other for checksums, then for rows. The asker learns no more than it is sent: through the transformer, in the
// columns that it may have, and nothing about a table that is not sent to it; see [protocol.md]. What waits for rows that its sender may
// not know is asked about in the same way.
//
//   - Promise 8: a question is answered as its asker would be sent the rows.
//   - Promise 10: no question or answer costs more than its bounds.
//
// [protocol.md]: https://github.com/mysql-sync/mysql-sync/blob/main/docs/protocol.md
package verify
