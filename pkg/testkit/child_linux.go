package testkit

import "syscall"

// dieWithParent makes the kernel kill the child when the thread that started it ends. The child
// loses this signal when it changes its user: servers must be told not to.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
