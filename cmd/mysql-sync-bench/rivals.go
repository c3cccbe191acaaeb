package main

import (
	"os/exec"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// rival replicates with a program that is not ours; or with one of ours at the source and a peer's at the target.
type rival struct {
	*pair
	command func() *exec.Cmd
	ready   string // what the program says once it reads
}

func (r rival) start() {
	r.other = testkit.Process(r.b, r.command)
	r.other.WaitLog(r.ready)
}

// hold ends the program: for the source this is a replica that is away.
func (r rival) hold()    { r.other.Stop() }
func (r rival) arrive()  {}
func (r rival) release() { r.other.Start() }

// newPlain makes a pair of servers with nothing in between.
func newPlain(b *bench, binlog bool) *pair {
	p := &pair{b: b, source: b.newSite("source", b.newServer(binlog), "bench"), target: b.newSite("target", b.newServer(binlog), "bench")}
	p.ways = nothing{p}
	return p
}

// nothing replicates nothing.
type nothing struct{ *pair }

func (nothing) start()   {}
func (nothing) hold()    {}
func (nothing) arrive()  {}
func (nothing) release() {}

// newCanal makes a pair whose target is written by a reader of the source's log, see tools/bench/canal.
func newCanal(b *bench) *pair {
	p := newPlain(b, true)
	program := testkit.Tool(b, "bench/canal", "canal-reader")
	file := testkit.ConfigFile(b, map[string]any{"source": p.source.server.Keys(p.source.schema), "target": p.target.server.Keys(p.target.schema),
		"table": "orders", "serverID": nextServer()})
	p.ways = rival{pair: p, ready: "^reading", command: func() *exec.Cmd { return exec.Command(program, file) }}
	return p
}

// newPeers makes a pair of one of our nodes and a peer that speaks version 1, see tools/bench/peer.
func newPeers(b *bench) *pair {
	p := newPlain(b, true)
	p.broker, p.source.name = b.newBroker(), "node-a"
	p.source.configure(p.broker, []string{peerName}, nil)
	server := p.broker.Server()
	program := testkit.Tool(b, "bench/peer", "version1-peer")
	file := testkit.ConfigFile(b, map[string]any{"name": peerName, "node": p.source.name, "broker": map[string]any{"host": server.Host, "port": server.Port},
		"target": p.target.server.Keys(p.target.schema), "table": "orders", "key": columnNames[0], "columns": columnNames[1:]})
	p.ways = peers{nodes{p}, func() *exec.Cmd { return exec.Command(program, file) }}
	return p
}

// peers is our node with a peer that stays connected. The node is held.
type peers struct {
	nodes
	command func() *exec.Cmd
}

func (r peers) start() {
	r.other = testkit.Process(r.b, r.command)
	r.other.WaitLog("^connected")
	r.source.startNode()
	r.source.node.WaitLog("node started")
}
