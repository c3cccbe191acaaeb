// Package guest runs a JavaScript file that a user wrote for a connector, and lets it reach HTTP services.
//
// The file runs in the sandbox of package transform, which keeps it from files, network and the connector's memory, within
// limits of time and memory. It sees the files that it requires from its own folder, the environment variables that it
// names, and a client of HTTP that resembles axios, whose requests are made by package remote: in a dry run only GET
// leaves the process (promise 4), and credentials go only to the host that they are for.
//
// What the file exports, and what that is for, is known to the program that plays its host: see packages agent and adapter.
package guest
