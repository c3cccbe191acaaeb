// Package receive is the way of a message from the broker to the commit: one gate through which every message goes.
//
//	broker ─> Gate.Most ─> Gate.Sender ─> lane (its queue) ─> unseal ─> pieces ─> unpack ─> check, transform ─┐
//	          by topic:     who, still     of each sender                                                     ├─> round ─> apply ─> ack
//	          who, size     without        of its own                             another sender's lane ──────┘
//	                        parsing
//
// The order is who, how much, then what. A client without the right costs a look at the topic: its message is not even read
// into memory. Each sender that may speak has a lane, with a queue of so many bytes, a goroutine that takes its messages apart
// and runs the scripts on its rows, and a share of what may be unpacked at a time: what takes long in one lane holds up nothing
// in another. Lanes take turns in the rounds that are applied. What is over a budget is dropped and told, and its sender, who
// has no ack, sends again. A panic costs the message in which it happens. Promises 5, 6, 8, 9 and 10.
package receive
