// Package mesh receives tables from the nodes of a mesh, as one more client that never sends rows.
//
//	broker ─> dispatch ─> receive ─> kept: inboxes of the state ─> ack, and jobs are woken
//	                        └ definitions: the sender is asked for its table's columns
//
// Changes are decided by version, as at a node, and acked once they are on disk: promises 2, 3 and 6 of the mesh. A
// table is sent as a whole when the client first announces it. Existing peers are heard too; their rows have the types
// of their JSON.
package mesh
