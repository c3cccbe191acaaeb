package connector

// Socket returns the path of the Unix socket at which commands reach the connector that
// uses a state file.
func Socket(state string) string { return state + ".sock" }
