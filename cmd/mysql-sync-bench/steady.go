package main

import "time"

// steady has users write flat out for half a minute, and measures how long after
// their last write the target has everything.
func steady(b *bench, p *pair) sample {
	p.start()
	w := p.source.startWriters()
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
	without := writersRate(b, newOurs(b))
	p := newOurs(b)
	p.source.startNode()
	p.source.node.WaitLog("node started")
	away := writersRate(b, p)
	p.source.stopNode()
	p = newOurs(b)
	p.start()
	with := writersRate(b, p)
	return shares(without, away, with)
}

// nativeWriters is the same with a replica, and with a binary log that nobody
// reads; both ÷ that without a binary log.
func nativeWriters(b *bench) sample {
	plain := &pair{b: b, source: b.newSite("source", b.newServer(false), "bench")}
	without := writersRate(b, plain)
	away := writersRate(b, newNative(b))
	p := newNative(b)
	p.start()
	with := writersRate(b, p)
	return shares(without, away, with)
}

func shares(without, away, with float64) sample {
	return sample{Figures: map[string]float64{"without": without, "remote away": away, "with remote": with,
		"share with remote": with / without, "share, remote away": away / without}}
}

// writersRate is how many transactions a second users get done at the source.
func writersRate(b *bench, p *pair) float64 {
	w := p.source.startWriters()
	b.pause(b.time(2 * time.Second))
	warm, began := w.total(), time.Now()
	b.pause(b.time(10 * time.Second))
	rate := float64(w.total()-warm) / time.Since(began).Seconds()
	w.stop(b)
	return rate
}
