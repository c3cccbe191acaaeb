// Package testkit starts throwaway real servers: MariaDB, MySQL, Mosquitto, NATS, the daemon's own binary, and a proxy that
// cuts, delays and swallows what passes between them.
//
// It is for tests and for the demonstration. It promises:
//
//  1. Each server listens on a free port of the loopback interface only, and keeps it over Kill, Stop and Start.
//  2. A function that starts something returns when it answers; nothing here sleeps and hopes.
//  3. Nothing outlives its test: servers and their folders go with the test's cleanup, and on Linux the kernel kills the
//     servers when the process that started them dies in whatever way, SIGKILL included. Folders that stay then
//     are removed by the next process.
//  4. Nothing of the machine's own servers is read or changed: no default option files, no services, no fixed ports.
//
// What is expensive to make is made once: a server's first data directory is kept in the user's cache folder and copied
// for each start, and the daemon is built once in a process.
//
// A test calls these functions with its *testing.T; a program uses Run. What a server can do is its own business, and
// what a test expects of it is the test's.
package testkit
