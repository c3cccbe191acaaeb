// Package standin plays services that tests cannot have: HTTP servers that accept what the documented service accepts,
// refuse everything else, and enforce its limits.
//
// A stand-in is strict, since what a lenient one lets pass fails at the service. Tests can script faults, and ask what
// it was sent and what it now has.
package standin
