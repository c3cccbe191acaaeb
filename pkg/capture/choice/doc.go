// Package choice decides how a node notices local writes.
//
// Code that runs a node, or checks or cleans its database, asks here for its capture.Source, and for what that Source
// leaves in the database or cannot notice. So another Source means one more case here, and nothing else changes.
package choice
