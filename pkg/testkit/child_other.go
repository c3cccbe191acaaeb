//go:build unix && !linux

package testkit

import "syscall"

// dieWithParent does nothing on systems without a parent-death signal: the test's cleanup must suffice.
func dieWithParent(*syscall.SysProcAttr) {}
