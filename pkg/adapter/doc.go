// Package adapter runs adapters that a user wrote in JavaScript, for services that the connector does not know.
//
// A file adapters/NAME.js next to the configuration is the type NAME of a source if it exports pull, and of a destination
// if it exports push. It runs as described in package guest, with the service's settings and an HTTP client.
//
// It promises:
//
//  1. What push returns is the answer to each row; a row that it refuses stays behind alone. If push does not catch a
//     failure, push itself has failed, even if it did not wait for the result.
//  2. A push that fails has done nothing, unless one of its writing requests may have been carried out: then the batch is
//     in doubt, and is pushed again with the same events.
//  3. A row that a service refuses is found by halving the batch, unless push itself says which one it is.
//  4. In a dry run, only GET requests are sent.
//  5. What pull returns is bounded, and so is the number of pages that it asks for.
package adapter
