package main

import (
	"syscall"
	"time"
)

// steady lets users write at full speed for half a minute, and measures how long after their last
// write the target has everything.
func steady(b *bench, p *pair) sample {
	p.start()
	w := p.source.startWriters(0)
	began := time.Now()
	b.pause(b.time(30 * time.Second))
	count, ids := w.stop(b)
	ended := time.Now()
	lag := p.await(ids...).Sub(ended)
	return sample{Figures: map[string]float64{"lag": lag.Seconds(), "writes per second": float64(count) / ended.Sub(began).Seconds()}}
}

// oursWriters measures what the triggers and the node cost the users: their
// throughput with a node that sends to a remote, all on this machine, and with
// one whose remote is away; both ÷ that without triggers or a node.
func oursWriters(b *bench) sample {
	without, away, with := newOurs(b), newOurs(b), newOurs(b)
	away.source.startNode()
	away.source.node.WaitLog("node started")
	with.start()
	return shares(b, without, away, with)
}

// nativeWriters is the same with a replica, and with a binary log that nobody
// reads; both ÷ that without a binary log.
func nativeWriters(b *bench) sample {
	without := &pair{b: b, source: b.newSite("source", b.newServer(false), "bench")}
	away, with := newNative(b), newNative(b)
	with.start()
	return shares(b, without, away, with)
}

// turns is how often users write at each of the compared pairs: other load on the machine and its
// disk changes within a minute, and so affects all pairs alike.
const turns = 6

// shares measures the users' transactions per second at three pairs in turn.
func shares(b *bench, without, away, with *pair) sample {
	rates := inTurns(b, turns, []*pair{without, away, with}, func(p *pair) bool { return p == with })
	return sample{Figures: map[string]float64{"without": rates[0], "remote away": rates[1], "with remote": rates[2],
		"share with remote": rates[2] / rates[0], "share, remote away": rates[1] / rates[0]}}
}

// inTurns measures the users' transactions per second at each of some pairs. Those that replicate have everything
// before the next one's turn.
func inTurns(b *bench, turns int, pairs []*pair, replicates func(p *pair) bool) []float64 {
	for _, p := range pairs {
		p.signal(syscall.SIGSTOP)
	}
	rates := make([]float64, len(pairs))
	for turn := range turns {
		for k := range pairs {
			i := (turn + k) % len(pairs)
			p := pairs[i]
			p.signal(syscall.SIGCONT)
			w := p.source.startWriters(turn)
			b.pause(b.time(time.Second))
			warm, began := w.total(), time.Now()
			b.pause(b.time(3 * time.Second))
			rates[i] += float64(w.total()-warm) / time.Since(began).Seconds() / float64(turns)
			if _, ids := w.stop(b); replicates(p) {
				p.await(ids...)
			}
			p.signal(syscall.SIGSTOP)
		}
	}
	for _, p := range pairs {
		p.signal(syscall.SIGCONT)
	}
	return rates
}

// signal pauses and resumes the pair's programs: even an idle node costs its polls.
func (p *pair) signal(s syscall.Signal) {
	for _, pid := range p.programs() {
		p.b.must("signal a program", syscall.Kill(pid, s))
	}
}

// programs are the processes of the pair's nodes, and of what else replicates.
func (p *pair) programs() (pids []int) {
	for _, at := range []*site{p.source, p.target} {
		if at != nil && at.node != nil {
			pids = append(pids, at.node.Pid())
		}
	}
	if p.other != nil {
		pids = append(pids, p.other.Pid())
	}
	return pids
}
