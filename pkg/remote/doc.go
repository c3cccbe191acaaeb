// Package remote is the one HTTP client of all adapters: what they say to a service goes through it.
//
// It keeps promise 5 of a connector (a service's limits are kept before the service enforces them, by all jobs together
// and across restarts). Of promise 4 it keeps that a dry run sends only declared reads, of promise 11 that TLS is
// verified and no error contains a secret, of promise 12 that no answer is read beyond its bound. Promise 2 rests on
// its judgment of failures (Judge): whether a failed request may have been executed.
//
//   - Credentials and headers go only to the base's host, wherever a redirect leads. Only reads are
//     redirected, and to another host only without their body.
//   - A request that certainly did nothing is retried after a pause, or when the service says. One
//     that may have been executed is retried only if it is a read, or the caller says that the
//     service recognizes duplicates.
//   - An Error says what to do next.
//
// What a service's answers mean beyond their status is left to its adapter.
package remote
