// Package record holds the noun of a connector: a row in flight from a source to a destination.
//
// A record is JSON from the moment it is read: its values have one form, whichever database or service they came from,
// so that a hash shows whether it has changed, and no stage converts it twice. How a source produces records, and how a
// destination stores them, is left to them.
package record
