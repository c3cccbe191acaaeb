//go:build !linux

package transform

import "os"

// self returns the path of this program; where none is known scripts run in its process.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}
