// Package keys checks blocks of a configuration file against JSON Schemas.
//
// A schema says which keys a block has, their types, limits, defaults and descriptions: the check for unknown keys, the
// documentation, editor completion and forms all follow from it, so they cannot drift apart. Files are JSON, YAML or
// TOML; ${NAME} in a string is an environment variable, and {"file": "…"} in place of a secret is a file that contains
// it.
//
// It keeps promise 9: all mistakes are collected, each with its file, line and key and what to do
// about it, and no secret is ever part of a message.
//
// What keys mean together is left to their users, who add their own mistakes to these.
package keys
