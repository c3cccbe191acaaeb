// Package contract is what every destination of a connector is tested with: seven points that each of them keeps, with
// the real jobs and the real ledger, at its real peer or a strict stand-in.
//
// A destination's tests describe it as a World and call Run. The points drive it as a process does; a kill -9 is played
// by going on with a copy of the state that was made at that very moment. Killing the program itself is left to the tests
// of cmd/mysql-sync-connector.
package contract
