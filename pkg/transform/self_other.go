//go:build !linux

package transform

import "os"

// self returns the path of this program; if it is empty, scripts run in this process.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}
