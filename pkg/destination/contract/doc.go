// Package contract is what every destination of a connector is tested with: seven points that each must keep, with
// the real jobs and the real ledger, against its real peer or a strict stand-in.
//
// A destination's tests describe it as a World and call Run. The points drive it as a process does; a kill -9 is simulated
// by carrying on with a copy of the state that was made at that moment. Killing the program itself is left to the tests
// of cmd/mysql-sync-connector.
package contract
