//go:build unix && !linux

package testkit

import "syscall"

// dieWithParent does nothing where there is no parent-death signal: the test's cleanup has to do.
func dieWithParent(*syscall.SysProcAttr) {}
