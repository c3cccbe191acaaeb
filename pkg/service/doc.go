// Package service runs a node in this process: it reads the configuration, builds a node from it,
// and on a reload another that takes its place. The Unix socket, the status page and the metrics
// belong to the service and outlive the nodes, so that a reload cuts no connection.
//
// It keeps promise 9: an invalid configuration never ends a running node.
package service
