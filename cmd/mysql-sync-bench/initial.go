package main

import "time"

// initialSync connects a node with a full table to one with an empty table.
func initialSync(b *bench) sample {
	n := b.rows(1_000_000)
	p := newOursWith(b, map[string]any{"initialSync": "missing"})
	p.source.fill("orders", 1, n)
	p.target.startNode()
	p.target.node.WaitLog("node started")
	began := time.Now()
	p.source.startNode()
	took := p.await(int64(n)).Sub(began)
	return sample{Figures: map[string]float64{"rate": float64(n) / took.Seconds(), "MiB source": p.source.memory(), "MiB target": p.target.memory()}}
}
