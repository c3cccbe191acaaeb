package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// memory measures the most that a node has at a time: with nothing to do, with a
// large backlog (the larger one of both nodes), and with many remotes.
func memory(b *bench) sample {
	idle := newOurs(b)
	idle.start()
	b.pause(b.time(10 * time.Second))
	figures := map[string]float64{"idle": idle.source.memory()}
	idle.source.stopNode()
	idle.target.stopNode()

	figures["backlog"] = grown(b, b.rows(1_000_000)).Figures["MiB"]
	figures["remotes"] = newFan(b, many).spread(b.rows(10_000)).Figures["MiB source"]
	return sample{Figures: figures}
}

// grown measures a backlog of n rows.
func grown(b *bench, n int) sample {
	p := newOurs(b)
	p.source.fill("staging", 1, n)
	p.start()
	c := p.cost(n, p.backlog(func() { p.source.bulk(1, n) }, int64(n)))
	p.source.stopNode()
	p.target.stopNode()
	return c
}

// idle measures the processor's time that a site takes while nobody writes, in
// percent of one core: the database server, and the node if there is one.
func idle(b *bench, p *pair) sample {
	p.start()
	b.pause(b.time(10 * time.Second))
	var file string
	b.must("find the server's process", p.source.db.Get(&file, "SELECT @@pid_file"))
	text, err := os.ReadFile(file)
	b.must("find the server's process", err)
	server, err := strconv.Atoi(strings.TrimSpace(string(text)))
	b.must("find the server's process", err)
	used := func() (all []time.Duration) {
		pids := []int{server}
		if p.source.node != nil {
			pids = append(pids, p.source.node.Pid())
		}
		for _, pid := range pids {
			d, err := busy(pid)
			b.must("look at a process", err)
			all = append(all, d)
		}
		return all
	}
	before, began := used(), time.Now()
	b.pause(b.time(20 * time.Second))
	after, took := used(), time.Since(began)
	figures := map[string]float64{}
	for i, d := range after {
		share := 100 * (d - before[i]).Seconds() / took.Seconds()
		figures[[]string{"database", "node"}[i]] = share
		figures["all"] += share
	}
	return sample{Figures: figures}
}

// size measures the daemon's file.
func size(b *bench) sample {
	info, err := os.Stat(testkit.Binary(b))
	b.must("look at the daemon", err)
	return figure("MB", float64(info.Size())/1e6)
}
