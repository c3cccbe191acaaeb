package testkit

// Tool returns the path of the Go program in a folder of tools, which is a module of its own. It is built once for
// each version of that module, and kept in the cache.
func Tool(tb TB, folder, name string) string {
	tb.Helper()
	program, err := peer(folder, ".", name)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return program
}
