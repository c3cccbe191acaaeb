package main

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// latency writes a row now and then, with nothing else going on, and measures the time from the
// answer to its commit until a query at the target finds it. The target is polled some 2,000 times
// a second.
func latency(b *bench, p *pair) sample { return delays(b, p, b.rows(1000)) }

// delays is latency with n rows.
func delays(b *bench, p *pair, n int) sample {
	p.start()
	insert, err := p.source.db.Preparex("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	b.must("prepare", err)
	defer func() { _ = insert.Close() }()
	look, err := p.target.db.Preparex("SELECT COUNT(*) FROM orders WHERE id = ?")
	b.must("prepare", err)
	defer func() { _ = look.Close() }()
	times := make([]float64, 0, n)
	for id := int64(1); len(times) < n; id++ {
		b.pause(time.Duration(5+rand.IntN(20)) * time.Millisecond)
		_, err := insert.ExecContext(b.ctx, row(id)...)
		b.must("write", err)
		began := time.Now()
		for there := 0; there == 0; {
			b.must("look", look.GetContext(b.ctx, &there, id))
			if time.Since(began) > time.Minute {
				b.Fatalf("row %d has not arrived within a minute", id)
			}
			if there == 0 {
				doze()
			}
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	q := quantiles(times)
	return sample{Figures: map[string]float64{"p50": q[50], "p99": q[99]}, Quantiles: q}
}

// doze waits for a tenth of a millisecond. Where nothing else runs, time.Sleep waits for at least a whole one, which would be half a
// millisecond of what is measured.
func doze() {
	t := syscall.NsecToTimespec(int64(100 * time.Microsecond))
	_ = syscall.Nanosleep(&t, nil) // a signal ends it early
}
