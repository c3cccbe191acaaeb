// Package schedule decides when a job runs.
//
// A schedule names wall times in a zone: what a clock there shows. The package maps them to instants so that a day on
// which the clock changes neither loses nor repeats a run:
//
//  1. A time that the clock skips runs once, right after the skip. Several skipped times share one
//     run.
//  2. A time that the clock shows twice runs once, the first time; if the hour of a cron expression
//     is *, or an interval is at most an hour, it runs both times.
//  3. Each run has a name, derived from the wall time. It never changes, and no two runs of a schedule
//     share it, so a run that is claimed by name runs once, even if the computer's clock is moved.
//  4. At most one missed run is run late: the latest.
//
// Everything here is a pure function of its arguments; waiting and claiming are left to the caller.
package schedule
