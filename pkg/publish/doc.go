// Package publish makes the rows of tables in which people see what a connector does, and reads the one in which they say
// when.
//
// A heartbeat, a log and the reports are sources of jobs as any others, over the state: so they keep a destination's limits,
// survive its absence, and are sent again only if they have changed. An edit of the schedule that cannot be understood
// leaves the job's schedule as it is.
package publish
