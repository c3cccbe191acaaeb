// Package config reads and checks one node's configuration.
//
// The file schema.json is the single source of the keys, their types, limits,
// defaults and descriptions: the unknown-key check, the documentation and the
// completion of editors all follow from it, so they cannot drift apart.
//
// It keeps promise 9 for the configuration: every mistake is told at once, by
// its key, with what to do about it, and no value of a secret is ever part of
// a message. It keeps the first half of promise 8: who is accepted is decided
// here (Config.AcceptsFrom), and an embedded broker that other machines reach
// must know its users.
//
// What only a server can tell (a table that is missing, a refused login) is
// left to the packages that talk to it.
package config
