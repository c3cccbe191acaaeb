// Package alert tells people what needs them, once, and once more when it no longer does.
//
// Pure functions (rules.go) decide what is wrong, from the state: the last runs of each job, refused rows, when a run was
// due. Changes are recorded in the state and sent from there, to each target independently and in order: so a message
// survives a kill, and is sent a second time only if its answer was lost, and then with the same id.
//
// Alerts never hold up a run, nor make one fail. A message names jobs and destinations and gives the reason for a failure;
// it contains no rows and no secrets.
package alert
