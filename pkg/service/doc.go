// Package service runs a node in this process: it reads the configuration, makes a node
// from it, and replaces that with another on a reload. The Unix socket, the status page and
// the metrics belong to the service and outlive its nodes, so that a reload cuts no
// connection.
//
// It keeps promise 9: a mistake in the configuration ends no running node.
package service
