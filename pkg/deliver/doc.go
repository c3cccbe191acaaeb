// Package deliver brings rows to a destination, such as another node, until it has them: what is
// due in the stream, what is marked for it, and tables sent as a whole.
//
// Decisions are made by values that know neither clock, database nor network: the flights (what is in flight, answered,
// given up), the road (how far the stream has been read and recorded), the marks and the probes (when refused rows are
// retried). A [Sender] holds them, reads what they ask for, and records the answers. A [Destination] packs and sends
// the rows; its limits are all that a Sender knows about it.
//
//   - Promise 1: whatever is not booked is still due. An answer that names nothing in flight books nothing.
//   - Promise 5: a row that a destination refuses, or does not answer, holds up nothing else.
//   - Promise 10: what is in flight is bounded, and waiting rows cost the same however many there are.
package deliver
