// Package choice decides how a node notices local writes.
//
// Whoever runs a node, judges its database or cleans it asks here for its capture.Source, and for what that Source leaves in
// the database and cannot notice. So another Source is one more case here, and no one else changes. The only one so far are
// the triggers.
package choice
