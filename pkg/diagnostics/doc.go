// Package diagnostics packs what a report about a problem needs into one ZIP file: how a node is configured, what it does, and how
// its database is set up.
//
//   - Promise 8: it has no secrets and no values of rows. The configuration is shown as package keys redacts it, and every other
//     file is searched for each secret of the configuration, and for what looks like one.
//   - Promise 10: each file in it is bounded.
//
// A part that cannot be had, such as the log of a node that is not running, is named in the README with the reason.
package diagnostics
