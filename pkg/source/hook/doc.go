// Package hook receives rows that others push to the connector by HTTP, such as a DataCollect server or a webhook.
//
// It promises:
//
//  1. A request is answered with 2xx only when its rows are on disk, in an inbox of the state, which jobs read.
//  2. Repeating a request changes nothing: rows are recognised by their keys, and an older state of a row never
//     replaces a newer one if the hook can tell which is newer.
//  3. The answer names each unacceptable row, and is then 422; the other rows are stored.
//  4. Without the credentials a client can push nothing, and learns nothing.
//  5. The bytes, rows and time that requests take are bounded, however many come.
package hook
