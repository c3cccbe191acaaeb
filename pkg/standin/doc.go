// Package standin plays services that tests cannot reach: HTTP servers that accept what the
// documented service accepts, refuse everything else, and enforce its limits.
//
// A stand-in is strict, because what a lenient one accepts fails at the real service. Tests can
// script faults, and read what it was sent and what it now holds.
package standin
