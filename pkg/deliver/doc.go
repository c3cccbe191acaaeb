// Package deliver brings rows to a destination, such as another node, until it has them: what is due in the stream, what is
// marked for it, and tables that are sent as a whole.
//
// What is decided is decided by values that know no clock, no database and no network: the flights (what is on its way,
// answered, given up), the road (how far the stream is read and booked), the marks and the probes (when rows that were
// refused are tried again). A [Sender] has them, reads what they ask for, and books what they say. How rows are packed and
// sent is a [Destination]'s: its limits are all that a Sender knows of it.
//
//   - Promise 1: what is not booked is still due. An answer that names nothing that is on its way books nothing.
//   - Promise 5: what a destination refuses, or does not answer, holds up nothing else.
//   - Promise 10: what is on its way is bounded, and what waits costs the same whatever there is of it.
package deliver
