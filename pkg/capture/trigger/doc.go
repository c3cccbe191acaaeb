// Package trigger notices local writes by triggers: it creates and maintains them, and they record each changed row's
// key in table_changes, which it polls. Nothing else in the node knows that table, or the triggers' names and bodies.
//
// It is a capture.Source, and keeps promise 7 for the user's writers: a trigger writes one short row per changed row, and
// waits for neither the network nor the daemon.
package trigger
