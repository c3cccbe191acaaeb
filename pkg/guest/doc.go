// Package guest runs a JavaScript file that a user wrote for a connector, and lets it reach HTTP services.
//
// The file runs in the sandbox of package transform, which keeps it from files, the network and the connector's memory,
// within limits of time and memory. It sees the files that it requires from its own folder, the environment variables that
// it names, and an HTTP client that resembles axios. Package remote makes its requests: in a dry run, only GET requests
// leave the process (promise 4), and credentials go only to the host that they are for.
//
// A host, written in JavaScript too, knows what the file exports and what for: see packages agent and adapter.
package guest
