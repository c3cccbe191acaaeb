// Package status is what a node tells about itself, whether it runs or not, and what
// people have it do that its own tables are enough for: refused rows and their retry,
// conflicts, a table that is sent again. The API, the page, the metrics and the
// commands show it; the package knows nothing of HTTP. Of a node that does not run a
// command answers by the tables: the node finds what was done when it starts, or within
// a second.
//
// Names of a request are checked against the configuration (promise 8). Errors say by
// Kind what they are.
package status
