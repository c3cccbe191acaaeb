package simulation

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// process is a thread of a daemon. It runs alone from one pause to the next. During a pause anything may happen; if the daemon
// is killed, the process is woken with errKilled, and nothing that it does counts any more.
type process struct {
	resume func()
	yield  func(struct{}) bool
	stop   func()
	dead   bool
	asleep bool
	naps   int
	idle   func() bool // looking again would find nothing; nil: it looks again
}

var errKilled = fmt.Errorf("the daemon was killed: %w", driver.ErrBadConn)

// mortal is the context of a process, and ends with it.
type mortal struct {
	context.Context
	p *process
}

func (m mortal) Err() error {
	if m.p.dead {
		return errKilled
	}
	return nil
}

// process starts a process. Under its context the product's own loops wait in simulated time.
func (n *node) process(run func(ctx context.Context)) *process {
	p := &process{}
	ctx := pause.By(mortal{ctx, p}, func(kick <-chan struct{}, d time.Duration) error { return n.wait(p, kick, d) })
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		run(ctx)
	})
	p.resume = func() {
		if !p.dead {
			n.w.running = p
			next()
			n.w.running = nil
		}
	}
	p.stop = func() {
		p.dead = true
		n.w.running = p
		stop()
		n.w.running = nil
	}
	n.processes = append(n.processes, p)
	n.w.after(n.w.random(n.w.tempo.step), p.resume)
	return p
}

// pause makes the running process continue a while later.
func (n *node) pause(delay int64) error {
	p := n.w.running
	if p.dead {
		return errKilled
	}
	n.w.after(delay, p.resume)
	return p.leave()
}

// step is a pause between two steps, such as the way to the server and back.
func (n *node) step() error { return n.pause(n.w.random(n.w.tempo.step)) }

// nap is a pause until rouse; a delay that is not negative ends it too.
func (n *node) nap(delay int64) error {
	p := n.w.running
	if p.dead {
		return errKilled
	}
	p.asleep = true
	p.naps++
	if nap := p.naps; delay >= 0 {
		n.w.after(delay, func() {
			if p.asleep && p.naps == nap {
				p.asleep = false
				p.resume()
			}
		})
	}
	return p.leave()
}

// wait naps until a kick, or for a time.
func (n *node) wait(p *process, kick <-chan struct{}, d time.Duration) error {
	select {
	case <-kick:
		return n.step()
	default:
	}
	delay := d.Microseconds()
	if p.idle != nil && p.idle() {
		delay = -1
	}
	err := n.nap(delay)
	select {
	case <-kick:
	default:
	}
	return err
}

func (p *process) leave() error {
	if !p.yield(struct{}{}) || p.dead {
		return errKilled
	}
	return nil
}

// rouse ends a nap.
func (n *node) rouse(p *process) {
	if p != nil && p.asleep {
		p.asleep = false
		n.w.after(n.w.random(n.w.tempo.step), p.resume)
	}
}
