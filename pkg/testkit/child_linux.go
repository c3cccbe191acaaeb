package testkit

import "syscall"

// dieWithParent has the kernel kill the child when the thread that starts it ends. The signal is forgotten when the
// child changes its user: a server must be told to stay what it is.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
