// Package config reads and checks one node's configuration.
//
// The file schema.json is the single source of the keys, their types, limits, defaults and
// descriptions: the check for unknown keys, the documentation and editor completion all follow from
// it, so they cannot drift apart.
//
// It keeps promise 9 for the configuration: all errors are reported at once, by key, with what to
// do about them, and no secret is ever part of a message. It keeps the first half of promise 8: it
// decides who is accepted (Config.AcceptsFrom), and an embedded broker that is reachable from other
// machines must have users.
//
// What only a server can tell (a missing table, a refused login) is left to the packages that talk
// to it.
package config
