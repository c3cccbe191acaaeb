// Package deliver brings rows to a destination, such as another node, until it has them: what is
// due in the stream, what is marked for it, and tables sent as a whole.
//
// Decisions are made by values that know no clock, no database and no network: the flights (what is
// in flight, answered, given up), the road (how far the stream is read and booked), the marks and
// the probes (when refused rows are retried). A [Sender] holds them, reads what they ask for, and
// books the answers. Packing and sending rows is up to a [Destination]; its limits are all that a
// Sender knows about it.
//
//   - Promise 1: whatever is not booked is still due. An answer that names nothing in flight books nothing.
//   - Promise 5: a row that a destination refuses, or does not answer, holds up nothing else.
//   - Promise 10: what is in flight is bounded, and waiting rows cost the same however many there are.
package deliver
