// Package openfn reads what OpenFn, or DataCollect's mock sync server, serves for DataCollect: a list of items, each of
// which becomes an event.
//
// An item keeps its guid for as long as it is served unchanged, so that duplicates are accepted once. Its sync level says
// that it came from outside.
//
// Source: recorded requests of DataCollect's server.
package openfn
