package check

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// heard is what was heard from other clients. It is safe for concurrent use.
type heard struct {
	since time.Time

	mu     sync.Mutex
	client map[string]*peer
	unkept bool // the broker keeps no announcements: clients without one may be nodes all the same
}

// peersMost bounds how many clients are remembered, however many names someone invents. Promise 10.
const peersMost = 10_000

// peer is a client as heard.
type peer struct {
	node     *wire.Node     // its announcement; nil: none, so it speaks version 1
	beats    []beat         // the last ones on /info
	here     bool           // it is there, by its own topic
	doubtful bool           // that is only what the broker keeps, and its will is elsewhere; see isDoubtful
	offset   *time.Duration // of its clock from this machine's, by its own topic or by an answer; nil: unknown
	left     bool           // it said that it leaves, and was not heard since
	asked    time.Time      // when it was asked a question; zero: never
	answered bool
	tried    time.Time // when it was sent a batch without rows; zero: never
	took     bool      // it answered a batch

	columns map[int]*comparison // by index of the table
}

// isSilent reports whether the peer was asked something and has not answered.
func (p *peer) isSilent() bool {
	return !p.asked.IsZero() && !p.answered || !p.tried.IsZero() && !p.took
}

// isToTry reports whether to send the peer a batch: it has answered a question, accepts one of the tables, and was not
// sent one yet.
func (p *peer) isToTry(tables []string) bool {
	return p.answered && !p.took && p.tried.IsZero() && p.node != nil &&
		slices.ContainsFunc(tables, func(t string) bool { return slices.Contains(p.node.ReceiveTables, t) })
}

// beat is a "connected" message.
type beat struct {
	at    time.Time // when it was heard, by this machine's clock
	until time.Time // by the sender's
}

func newHeard() *heard { return &heard{since: time.Now(), client: map[string]*peer{}} }

// of returns the peer with a name, and creates it if there is room.
func (h *heard) of(client string) *peer {
	p := h.client[client]
	if p == nil {
		p = &peer{}
		if len(h.client) < peersMost {
			h.client[client] = p
		}
	}
	return p
}

func (h *heard) presence(i wire.Info, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(i.Sender)
	switch i.Message {
	case wire.Connected:
		if len(p.beats) == 4 {
			p.beats = p.beats[1:]
		}
		p.beats, p.left = append(p.beats, beat{at, i.Until}), false
	case wire.ConnectionLost:
		p.beats, p.here, p.left = nil, false, true
	}
}

// isOnline reports whether the peer is there.
func (p *peer) isOnline() bool { return len(p.beats) > 0 || p.here }

// isWellKnown says that the peer is there by its own topic, and was asked if it may be.
func (p *peer) isWellKnown() bool {
	return p.here && (!p.asked.IsZero() || p.node != nil && p.node.Seal != nil)
}

// isDoubtful says that the peer is there only by a copy that the broker keeps although the peer may have died: its will is on /info.
// If it is there, it is heard there as well, or within half a minute.
func (p *peer) isDoubtful() bool { return p.here && p.doubtful && len(p.beats) == 0 }

// onTopic notes what a client says on its own topic. A copy that the broker keeps is not heard at once after it was sent.
func (h *heard) onTopic(client string, m wire.Here, kept bool, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(client)
	if p.here = !m.Gone; m.Gone {
		p.beats, p.left = nil, true
		return
	}
	p.doubtful = kept && m.Info
	if p.left = false; !kept {
		d := m.Until.Sub(at) - mesh.HereLease
		p.offset = &d
	}
}

func (h *heard) announced(n wire.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of(n.Client).node = &n
}

func (h *heard) keepsNothing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unkept = true
}

// answered notes an answer, which says when it was given by the client's clock; older nodes do not say.
func (h *heard) answered(client string, now int64, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(client)
	p.answered = true
	if p.offset == nil && now > 0 && now < 1<<53 {
		d := time.UnixMilli(now).Sub(at)
		p.offset = &d
	}
}

func (h *heard) took(client string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of(client).took = true
}

// toAsk reports, once, that a client is online and understands questions. One that seals would refuse a question in the
// clear.
func (h *heard) toAsk(client string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.client[client]
	if p == nil || !p.asked.IsZero() || !p.isOnline() {
		return false
	}
	if n := p.node; n == nil && !h.unkept || n != nil && (n.Seal != nil || n.Protocol < wire.Protocol) {
		return false
	}
	p.asked = time.Now()
	return true
}

// toTry reports, once, that a client may be sent a batch; see peer.isToTry.
func (h *heard) toTry(client string, tables []string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.client[client]
	if p == nil || !p.isToTry(tables) {
		return false
	}
	p.tried = time.Now()
	return true
}

// batchTime is how long a remote may take to answer a batch: earlier messages come first.
const batchTime = 10 * time.Second

// awaits reports whether a client was asked something a short while ago and has not answered.
func (h *heard) awaits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.client {
		if p.isComparing() || !p.answered && time.Since(p.asked) < echoTime || !p.took && time.Since(p.tried) < batchTime {
			return true
		}
	}
	return false
}

// peer returns what was heard from a client.
func (h *heard) peer(client string) peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.client[client]; p != nil {
		return *p
	}
	return peer{}
}

// announcedAll reports whether the configuration names all clients that may send, and all of them are nodes of this
// project.
func (h *heard) announcedAll(cfg *config.Config) bool {
	return !slices.ContainsFunc(slices.Concat(cfg.RemoteClients, cfg.AcceptFrom), func(c string) bool {
		return c == config.Anyone || h.peer(c).node == nil
	})
}

func (h *heard) isOnline(client string) bool {
	p := h.peer(client)
	return p.isOnline()
}

// enough reports whether all remotes have said everything that they would say to a sender of the tables.
func (h *heard) enough(remotes, tables []string) bool {
	return !slices.ContainsFunc(remotes, func(r string) bool {
		p := h.peer(r)
		return len(p.beats) < 2 && !p.isWellKnown() || p.isSilent() || p.isToTry(tables)
	})
}

// judgeOwnName judges whether another program uses this client's name.
func judgeOwnName(f *finding.List, cfg *config.Config, h *heard, running bool) {
	me := h.peer(cfg.ClientName)
	switch {
	case me.isDoubtful() && !running: // it was killed just now, or listen longer
	case me.isOnline() && !running:
		f.Wrongf("clientName", "Give each node its own clientName and mqttConfig.clientId, or stop the other one.",
			"a client named %s is online, but no node uses this database: two clients with the same name disconnect each other, and receive each other's messages", cfg.ClientName)
	case me.isOnline():
		f.Rightf("clientName", "the node %s is online", cfg.ClientName)
	case running && me.left:
		f.Warnf("clientName", "Check the node's log, and whether another client has the clientId "+cfg.MQTT.ClientID+".", "the node %s just lost its connection to the broker", cfg.ClientName)
	case running:
		f.Warnf("clientName", "Check the node's log, and mysql-sync status; if its checkInterval is long, try again with --listen.",
			"a node uses this database, but the presence of %s was not heard: an access rule (ACL) may deny what it writes", cfg.ClientName)
	}
}

// judgeRemotes judges what was heard of each remote.
func judgeRemotes(f *finding.List, cfg *config.Config, h *heard) {
	for _, r := range cfg.RemoteClients {
		p := h.peer(r)
		if !p.isOnline() {
			const do = "Start it, or correct remoteClients; changes wait for it in the database."
			switch {
			case p.node == nil:
				f.Warnf(r, do, "was not heard: it is offline, or there is no client with this name on this broker")
			case p.node.Version == "":
				f.Warnf(r, do, "is offline; it was online before")
			default:
				f.Warnf(r, do, "is offline; it was online before, as version %.40s", p.node.Version)
			}
		}
		if p.node == nil {
			switch {
			case !p.isOnline():
			case p.answered:
				f.Rightf(r, "is online, and a node")
			case h.unkept:
				f.Warnf(r, "", "is online but answers no questions: it may be an existing peer, or a node that does not know this client")
			default:
				f.Rightf(r, "is online and speaks version 1 of the protocol")
			}
		} else {
			judgeNode(f, cfg, r, p)
		}
		judgePeerClock(f, r, p.beats, p.offset)
	}
	if len(cfg.AcceptFrom) > 0 && !slices.Contains(cfg.AcceptFrom, config.Anyone) {
		for _, r := range cfg.RemoteClients {
			if len(cfg.ReceiveTables) > 0 && !slices.Contains(cfg.AcceptFrom, r) {
				f.Rightf(r, "is sent changes; its own are not accepted, since it is not in acceptFrom")
			}
		}
	}
}

// judgeNode judges what a node of this project has announced.
func judgeNode(f *finding.List, cfg *config.Config, r string, p peer) {
	n := judgeSealing(f, cfg, r, p.node)
	if online := p.isOnline(); online && n.Version == "" {
		f.Rightf(r, "is online: protocol %d", n.Protocol)
	} else if online {
		f.Rightf(r, "is online: version %.40s, protocol %d", n.Version, n.Protocol)
	}
	var takes, lacks []string
	for _, t := range cfg.SyncTables {
		if slices.Contains(n.ReceiveTables, t) {
			takes = append(takes, t)
		} else {
			lacks = append(lacks, t)
		}
	}
	if len(takes) > 0 {
		f.Rightf(r, "accepts %s", list(takes))
	}
	if hidden := n.Seal != nil && n.Version == ""; len(lacks) > 0 && !hidden {
		f.Warnf(r, "Add them to receiveTables there, or remove them from syncTables here.", "does not accept %s: its rows are held back until it does", list(lacks))
	}
	switch {
	case p.isOnline() && p.asked.IsZero() && p.node.Seal != nil:
		f.Rightf(r, "was not queried, since it accepts only messages encrypted by the node itself: mysql-sync verify compares the tables, and mysql-sync status says whether it answers")
	case !p.asked.IsZero() && !p.answered:
		f.Warnf(r, "Add "+cfg.ClientName+" to its remoteClients or acceptFrom, and check that the broker's access rules let /verify through.",
			"is online but does not answer %s: it does not know this client", cfg.ClientName)
	case p.took:
		f.Rightf(r, "accepts batches from %s, and its answers arrive", cfg.ClientName)
	case !p.tried.IsZero():
		topics := wire.Topics(cfg.TopicPrefix)
		f.Wrongf(r, fmt.Sprintf("Let the broker's access rules allow this client to write %s, and %s to write %s; mosquitto/acl.txt has them. Or add %s to acceptFrom there.",
			topics.BatchOf(r, cfg.ClientName), r, topics.AckOf(cfg.ClientName, r), cfg.ClientName),
			"answers questions from %s, but no batches: rows do not get there, or their acks do not get here (or it is so busy that it takes more than %s: then try again)",
			cfg.ClientName, batchTime)
	}
}

// judgePeerClock judges a remote's clock, as far as its presence tells. A remote says until when it is online by its own
// clock: two of its poll intervals plus 3 s from now; and it says so once per poll interval plus 2 s. The offset, if not
// nil, is known from its own topic or from an answer.
func judgePeerClock(f *finding.List, r string, beats []beat, offset *time.Duration) {
	switch {
	case offset != nil:
		judgeClock(f, r, r, *offset, time.Second)
		return
	case len(beats) == 0:
		return
	}
	last := beats[len(beats)-1]
	claim := last.until.Sub(last.at)
	interval := time.Duration(0)
	for i := 1; i < len(beats); i++ {
		interval = max(interval, beats[i].at.Sub(beats[i-1].at))
	}
	switch {
	case interval >= 2*time.Second: // shorter ones were extra beats
		judgeClock(f, r, r, claim-2*(interval-2*time.Second)-3*time.Second, time.Second)
	case claim < 0:
		judgeClock(f, r, r, claim-3*time.Second, time.Second)
	case claim > time.Hour:
		judgeClock(f, r, r, claim, time.Second)
	}
}
