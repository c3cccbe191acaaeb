// Package stopped shows a node that does not run, as its own tables have it, and
// does what can be done there: the node finds it when it starts.
//
// It answers as a running node does, with the types of package web, so that
// commands need not care. It changes nothing that a node at work would trip over:
// one that was started meanwhile sees it within a second.
package stopped
