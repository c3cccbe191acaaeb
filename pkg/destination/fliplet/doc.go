// Package fliplet writes rows to a Fliplet data source, as Fliplet Agent does: it reads the data source at the start of
// each run, compares the rows with what is there, and commits the differences.
//
// Source: https://developers.fliplet.com/REST-API/fliplet-datasources.html; what
// Fliplet Agent 2.0.7 sends was recorded, and is replayed by the tests of package
// connector.
package fliplet
