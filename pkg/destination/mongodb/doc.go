// Package mongodb writes rows to a MongoDB collection: each becomes a document that replaces the one with its _id, or
// with its key.
//
// A batch is one unordered bulk, then one delete; resending either has the same result. A document that the server
// refuses is identified by its index in the bulk, and costs only itself.
package mongodb
