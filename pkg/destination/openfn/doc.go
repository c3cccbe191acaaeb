// Package openfn sends rows as events to OpenFn's webhooks, and to DataCollect's mock sync server, in the form that
// DataCollect's External Sync uses.
//
// Rows with the key column guid are already events, such as those in DataCollect's own table; all others become events
// whose guid identifies repetitions. External events (sync level 2) are not sent back: promise 9 of a
// connector.
//
// Source: recorded requests of DataCollect's server, and
// https://docs.openfn.org/documentation/build/triggers for the answers of a webhook.
package openfn
