// Package hook takes rows that others push to the connector by HTTP, such as a DataCollect server or a webhook.
//
// It promises:
//
//  1. A request is answered with 2xx only when its rows are on disk, in an inbox of the state, which jobs read.
//  2. A request that is repeated changes nothing: rows are found again by their key, and an older state of a row never
//     takes the place of a newer one if the hook knows what is newer.
//  3. A row that cannot be taken is named in the answer, which is then 422, and costs no other row.
//  4. Who does not show the credentials can push nothing, and learns nothing.
//  5. What is held of requests is bounded, in bytes, rows and time, however many come.
package hook
