// Package ordeal kills the built connector with SIGKILL at random moments while rows change, for each kind of destination, and
// checks that nothing is lost and that nothing arrives twice unless it was in doubt.
//
// Play is one ordeal: a MariaDB source whose rows are inserted, updated and deleted all the time; the connector, which is
// started and killed over and over; and a destination, at its real peer or a strict stand-in. Faults can be added: answers
// that refuse, are cut short or never come, broken connections, and a clock that jumps. At the end the connector may finish its
// work, and then three things must hold:
//
//  1. The destination has the source's rows, each once.
//  2. What arrived a second time had been in a batch whose answer was unknown (a doubt), and the receiver could tell: it
//     has the same event, or went to the same record.
//  3. Another run sends nothing.
//
// The short form is a test of cmd/mysql-sync-connector, the long one is part of mysql-sync-soak.
package ordeal
