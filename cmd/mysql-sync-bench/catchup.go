package main

// catchUp writes rows one by one while replication is held, and measures how fast
// they are then replicated.
func catchUp(b *bench, p *pair) sample {
	n := b.rows(100_000)
	p.source.fill("staging", 1, n)
	p.start()
	took := p.backlog(func() { p.source.singles(1, n) }, int64(n))
	return figure("rate", float64(n)/took.Seconds())
}

// hotRows updates a few rows many times while replication is held. Both sides have these rows from
// the start.
func hotRows(b *bench, p *pair) sample {
	n, hot := b.rows(1_000_000), b.rows(10_000)
	p.source.fill("orders", 1, hot)
	p.target.fill("orders", 1, hot)
	p.start()
	took := p.backlog(func() { p.source.touch(n, hot) })
	return figure("rate", float64(n)/took.Seconds())
}
