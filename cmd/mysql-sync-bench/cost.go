package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// memory measures a node's peak memory: idle, with a large backlog (the larger of both nodes), and
// with many remotes.
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

// idle measures the CPU time that a site uses while nobody writes, in percent of one core: the
// database server, and the node if there is one.
func idle(b *bench, p *pair) sample {
	p.start()
	b.pause(b.time(10 * time.Second))
	return b.atRest(p.source, b.time(20*time.Second))
}

// atRest measures a site's CPU time over a while, in percent of one core.
func (b *bench) atRest(s *site, pause time.Duration) sample {
	before, began := s.used(), time.Now()
	b.pause(pause)
	after, took := s.used(), time.Since(began)
	figures := map[string]float64{}
	for name, d := range after {
		share := 100 * (d - before[name]).Seconds() / took.Seconds()
		figures[name] = share
		figures["all"] += share
	}
	return sample{Figures: figures}
}

// used returns the CPU time that the site's database has used so far, and its node, if there is one.
func (s *site) used() map[string]time.Duration {
	pids, all := map[string]int{"database": s.serverPid()}, map[string]time.Duration{}
	if s.node != nil {
		pids["node"] = s.node.Pid()
	}
	for name, pid := range pids {
		d, err := busy(pid)
		s.b.must("look at a process", err)
		all[name] = d
	}
	return all
}

// serverPid returns the process of the site's database server.
func (s *site) serverPid() int {
	var file string
	s.b.must("find the server's process", s.db.Get(&file, "SELECT @@pid_file"))
	text, err := os.ReadFile(file)
	s.b.must("find the server's process", err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	s.b.must("find the server's process", err)
	return pid
}

// resting has two idle nodes that have sent tables with a few rows each.
func resting(s settings) (list []point) {
	for _, tables := range []int{1, 174, 500} {
		x := families(strconv.Itoa(tables), tables, false)
		list = append(list, point{label: x.label, size: float64(tables), ours: func(b *bench) sample {
			p := x.pair(b, 10*tables)
			x.sent(b, p)
			b.pause(b.time(20 * time.Second))
			source := b.atRest(p.source, b.time(60*time.Second)).Figures
			return sample{Figures: map[string]float64{"node %": source["node"], "database %": source["database"]}}
		}})
	}
	return list
}

// size measures the size of the daemon's binary.
func size(b *bench) sample {
	info, err := os.Stat(testkit.Binary(b))
	b.must("look at the daemon", err)
	return figure("MB", float64(info.Size())/1e6)
}
