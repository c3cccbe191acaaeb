// Package service runs a node in this process: it reads the configuration, makes the
// node of it, and on a reload another that takes its place. What a node is asked by, the
// Unix socket, the status page and the metrics, belongs to the service and outlives the
// nodes, so that a reload cuts no connection.
//
// It keeps promise 9: a configuration with a mistake ends no node that runs.
package service
