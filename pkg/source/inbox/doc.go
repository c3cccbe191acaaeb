// Package inbox reads what others have pushed to the connector, from an inbox of its state.
//
// To a job an inbox is a source like any other: its watermark is the number of the last state read. A run reads newer
// states; one that reads all rows gets the newest state of each. Whoever stores rows there wakes the jobs.
package inbox
