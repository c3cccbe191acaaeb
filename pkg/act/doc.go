// Package act carries out, once, what other nodes ask this one to do from afar: to list and retry refused rows, to pause and
// resume sending, to compare tables, and to send one again.
//
//   - Promise 8: nobody may do anything unless actionsFrom of this node's own configuration says so. Whatever changes something
//     must be sealed with a key that only the asker and this node have, be dated within a minute of this node's clock, and name
//     only tables that the asker may read.
//   - What has one ID is done once, also if the question is repeated, replayed, or answered by the next run of the node: it is
//     recorded in sync_acts before it begins.
//   - Promise 10: the records are bounded in number and age, results in bytes; one comparison runs at a time, one more waits.
//
// Package verify carries the questions.
package act
