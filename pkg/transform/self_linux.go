package transform

import "os"

// self returns the path of this very program, also after another has taken its place;
// where there is none scripts run in its process.
func self() string {
	const path = "/proc/self/exe"
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
