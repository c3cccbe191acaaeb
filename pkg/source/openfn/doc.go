// Package openfn reads what OpenFn, or DataCollect's mock sync server, serves for DataCollect: a list of items, each of
// which becomes an event.
//
// An item keeps its guid as long as it is served unchanged, so that duplicates are accepted once. Its sync level says
// that it came from outside.
//
// Source: what DataCollect's server was recorded to ask.
package openfn
