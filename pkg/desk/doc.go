// Package desk does what people ask of a node that its own tables are enough for:
// refused rows and their retry, conflicts, a table that is sent again. The running
// node does it here for its API and its page, and a command where the node does not
// run: the node finds it when it starts, or within a second.
//
// Names of a request are checked against the configuration (promise 8). Errors say
// by web.Kind what they are.
package desk
