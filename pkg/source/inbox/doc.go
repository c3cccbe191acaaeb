// Package inbox reads what others have pushed to the connector, from an inbox of its state.
//
// To a job an inbox is a source like any other: its watermark is the number of the last state read, a run reads what is
// newer, and one that reads all rows finds the newest state of each. What puts rows in there wakes the jobs.
package inbox
