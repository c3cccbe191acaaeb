// Package alert tells people what needs them, once, and once more when it no longer does.
//
// What is wrong is decided by pure functions (rules.go) from what the state says: the last runs of each job, refused rows,
// when a run was due. What has changed is written into the state, and told from there, to each target by itself and in
// order: so a message outlives a kill, and is told a second time only if its answer was lost, then with the same id.
//
// Telling never holds up a run, nor fails one. A message names jobs and destinations and gives the reason of a failure;
// it has no rows and no secrets.
package alert
