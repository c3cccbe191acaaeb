// Package adapter runs adapters that a user wrote in JavaScript, for services that the connector does not know.
//
// A file adapters/NAME.js beside the configuration is the type NAME of a source if it exports pull, and of a destination if
// it exports push. It runs as package guest says, with the service's settings and a client of HTTP.
//
// It promises:
//
//  1. What push returns is the answer to each row; one that it refuses stays behind alone. A failure that push does not
//     catch is its own, also of what it does not wait for.
//  2. A push that fails has done nothing, as long as no request of it that writes may have been carried out; otherwise the
//     batch is in doubt, and is pushed again with the same events.
//  3. A row that a service refuses is found by halving the batch, unless push says itself which one it is.
//  4. In a dry run no request leaves that is not a GET.
//  5. What pull returns is bounded, and the pages that it asks for end.
package adapter
