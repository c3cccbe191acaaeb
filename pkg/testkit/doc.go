// Package testkit starts throwaway real servers: MariaDB, MySQL, Mosquitto, NATS, the daemon's own binary, and a proxy that
// cuts, delays and swallows what passes between them.
//
// It is for tests and for the demonstration. It promises:
//
//  1. Each server listens on a free port of the loopback interface only, and keeps it over Kill, Stop and Start.
//  2. A function that starts something returns once it answers; nothing here sleeps and hopes.
//  3. Nothing outlives its test: the test's cleanup removes servers and their folders, and on Linux
//     the kernel kills the servers when the process that started them dies in any way, SIGKILL
//     included. The next process removes any folders left behind.
//  4. The machine's own servers are left alone: no default option files, no services, no fixed ports.
//
// Expensive things are made once: a server's first data directory is kept in the user's cache
// folder and copied for each start, and the daemon is built once per process.
//
// A test calls these functions with its *testing.T; a program uses Run.
package testkit
