// Package receive takes messages from the broker to the commit, all of them through one gate.
//
//	broker ─> Gate.Most ─> Gate.Sender ─> lane (its queue) ─> unseal ─> pieces ─> unpack ─> check, transform ─┐
//	          by topic:     who, still     of each sender                                                     ├─> round ─> apply ─> ack
//	          who, size     without        of its own                             another sender's lane ──────┘
//	                        parsing
//
// The gate asks who, then how much, then what. A message from a client without rights costs a look at its topic and is
// not even read into memory. Each sender that may speak has a lane: a bounded queue, a goroutine that takes messages
// apart and runs scripts on their rows, and a share of the room for unpacked messages, so that slow work in one lane
// holds up no other. Lanes take turns in the rounds that are applied. Messages over a budget are dropped and logged;
// the sender gets no ack and sends again. A panic costs only the message that causes it. Promises 5, 6, 8, 9 and 10.
package receive
