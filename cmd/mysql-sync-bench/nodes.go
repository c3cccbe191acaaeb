package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startsAtOnce is how many nodes start at a time: all of them at once would only wait for each other.
const startsAtOnce = 8

// newStores makes a hub and n real nodes around it, with an empty table each and the program's own checkInterval, whose schemas share a
// server. None of them runs yet.
func (b *bench) newStores(n int) *fan {
	f := &fan{b: b, broker: b.newBroker(), source: b.newSite(hubName, b.newServer(b.s.Binlog), "bench")}
	server := b.newServer(b.s.Binlog, fmt.Sprintf("--max-connections=%d", 14*n+100), "--open-files-limit=65535", "--thread-handling=pool-of-threads")
	var names []string
	for i := range n {
		s := b.newSite(fmt.Sprintf("site-%04d", i+1), server, fmt.Sprintf("bench_%d", i+1))
		s.db.SetMaxIdleConns(0) // thousands would stay open
		s.configure(f.broker, []string{hubName}, map[string]any{"syncTables": []string{}, "checkInterval": nil})
		f.remotes, names = append(f.remotes, s), append(names, s.name)
	}
	f.source.configure(f.broker, names, nil)
	return f
}

// all waits until the hub knows that a group of nodes has everything, and all tables of the group have a number of rows, of which one has
// a revision.
func (f *fan) all(what string, group []*site, rows, revision int64) (at time.Time) {
	var counts, names []string
	for _, s := range group {
		counts, names = append(counts, fmt.Sprintf("(SELECT COUNT(*) * 1000 + MAX(revision) = %d FROM %s.orders)", 1000*rows+revision, s.schema)), append(names, "'"+s.name+"'")
	}
	left := "SELECT COUNT(*) FROM sync_remotes r WHERE r.remote IN (" + strings.Join(names, ", ") + ") AND r.position < (SELECT MAX(v.position) FROM sync_versions v)"
	return f.b.until(what, func(context.Context) (bool, error) {
		if n, err := f.source.number(left); err != nil || n > 0 {
			return false, err
		}
		there, err := group[0].number("SELECT IFNULL(" + strings.Join(counts, ", 0) + IFNULL(") + ", 0)")
		return there == int64(len(group)), err
	})
}

// stores measures a hub with real nodes.
func stores(b *bench, n int) sample {
	f := b.newStores(n)
	hub, sites := f.source, f.remotes
	hub.startNode()
	hub.node.WaitLog("node started")
	hub.exec("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row(0)...)
	began := time.Now()
	for group := range slices.Chunk(sites, startsAtOnce) {
		for _, s := range group {
			s.startNode()
		}
		f.all("a group of nodes to be there", group, 1, 0)
	}
	figures := map[string]float64{"s to come": time.Since(began).Seconds()}
	pids := make([]int, n)
	for i, s := range sites {
		pids[i] = s.node.Pid()
	}
	processes := map[string][]int{"nodes": pids, "hub": {hub.node.Pid()}, "broker": f.broker.Pids(), "database": {sites[0].serverPid()}}
	used := func() map[string]time.Duration {
		sum := map[string]time.Duration{}
		for name, list := range processes {
			sum[name] = b.used(list...)
		}
		return sum
	}

	t := b.traffic(f.broker)
	b.pause(15 * time.Second) // the broker tells every ten
	before, in, out, rested := used(), t.in.Load(), t.out.Load(), time.Now()
	b.pause(60 * time.Second)
	took := time.Since(rested).Seconds()
	if b.s.Broker == "mosquitto" {
		figures["in/s"], figures["out/s"] = float64(t.in.Load()-in)/took, float64(t.out.Load()-out)/took
	}
	after := used()
	for name := range processes {
		figures[name+" CPU %"] = 100 * (after[name] - before[name]).Seconds() / took
	}
	figures["node CPU %"] = figures["nodes CPU %"] / float64(n)
	figures["MiB a node"] = b.shares(pids...) / float64(n)
	figures["MiB broker"] = b.memory(f.broker.Pids()...)

	hub.fill("staging", 1, 999)
	before, began = used(), time.Now()
	hub.exec("INSERT INTO orders SELECT * FROM staging")
	hub.exec("UPDATE orders SET revision = 1 WHERE id = 0")
	figures["s, 999 rows"] = f.all("a price list to be everywhere", sites, 1000, 1).Sub(began).Seconds()
	after = used()
	for _, name := range []string{"hub", "nodes"} {
		figures[name+" CPU µs/row and site"] = float64((after[name] - before[name]).Microseconds()) / 1000 / float64(n)
	}

	f.broker.Kill()
	hub.exec("UPDATE orders SET revision = 2 WHERE id = 0")
	before["hub"] = b.used(processes["hub"]...)
	f.broker.Start()
	began = time.Now()
	figures["s after a restart"] = f.all("all to be in step after a restart of the broker", sites, 1000, 2).Sub(began).Seconds()
	figures["hub CPU s"] = (b.used(processes["hub"]...) - before["hub"]).Seconds()
	figures["MiB hub"] = hub.memory()
	return sample{Figures: figures}
}

// chains are hubs with ever more real nodes.
func chains(s settings) (list []point) {
	for _, n := range s.sizes([]int{10, 50}, 100, 200) {
		list = append(list, point{label: commas(strconv.Itoa(n)), size: float64(n), ours: func(b *bench) sample { return stores(b, n) }})
	}
	return list
}
