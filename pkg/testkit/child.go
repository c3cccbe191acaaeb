package testkit

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process started by testkit. It ends with the process that started it: on Linux by the
// kernel's parent-death signal, whatever happens, elsewhere by the test's cleanup.
type child struct {
	name   string
	cmd    *exec.Cmd
	output *lines
	done   chan struct{} // closed once it has ended and its output is complete
}

// spawn starts cmd in its own process group and collects its output.
func spawn(name string, cmd *exec.Cmd) (*child, error) {
	c := &child{name: name, cmd: cmd, output: newLines(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.WaitDelay = 5 * time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	if err := startOnLastingThread(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = cmd.Wait() // How it ended is read from cmd.ProcessState.
		c.output.close()
		close(c.done)
	}()
	return c, nil
}

// kill ends the process group with SIGKILL and waits for it. It does nothing if the child has ended.
func (c *child) kill() { c.end(syscall.SIGKILL, limit) }

// terminate sends SIGTERM. If the child takes longer than limit to end, it kills it and returns an
// error.
func (c *child) terminate() error {
	if c.end(syscall.SIGTERM, limit) {
		return nil
	}
	c.kill()
	return fmt.Errorf("stop %s: still running %v after SIGTERM", c.name, limit)
}

// end sends a signal to the process group and reports whether the child ended within limit.
func (c *child) end(signal syscall.Signal, limit time.Duration) bool {
	select {
	case <-c.done:
		return true
	default:
	}
	_ = syscall.Kill(-c.cmd.Process.Pid, signal) // It may just have ended.
	select {
	case <-c.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// await calls ready until it returns nil. It gives up when the child ends; the error then shows the end of its output.
func (c *child) await(ready func() error) error {
	if err := poll(limit, c.done, ready); err != nil {
		return fmt.Errorf("start %s: %w; it said:\n%s", c.name, err, c.tail())
	}
	return nil
}

// tail returns the last lines of the child's output.
func (c *child) tail() string {
	const most = 40
	all := c.output.all()
	return strings.Join(all[max(0, len(all)-most):], "\n")
}

// starter starts commands on one thread that lives as long as the process. The parent-death signal
// is sent when the *thread* that started a child ends, and Go starts and ends threads as it likes.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func startOnLastingThread(cmd *exec.Cmd) error {
	err := make(chan error)
	starter() <- func() { err <- cmd.Start() }
	return <-err
}
