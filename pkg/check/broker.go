package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// checkBroker checks each of the brokers and, through the first that accepts us, the remotes. It publishes only harmless
// messages: some from this client to itself, and questions and a batch without rows to remotes. running says that this
// client's node is running; tables are those of its database, to compare with the remotes'.
func checkBroker(ctx context.Context, cfg *config.Config, tables map[string]*schema.Table, running bool, o Options) []finding.Finding {
	f, remotes := &finding.List{Area: AreaBroker}, &finding.List{Area: AreaRemotes}
	looked := false
	for _, server := range cfg.MQTT.Servers {
		one := cfg.MQTT
		one.Servers = []string{server}
		about := hostOf(server)
		l, err := connect(ctx, one, nil, nil)
		if err != nil {
			brokerFails(f, cfg, about, err, running)
			continue
		}
		l.close()
		if one.Username == "" {
			f.Rightf(about, "a connection without a login works")
		} else {
			f.Rightf(about, "the login as %q works", one.Username)
		}
		if looked {
			continue
		}
		looked = true
		b := &broker{f: f, cfg: cfg, mqtt: one, about: about, topics: wire.Topics(cfg.TopicPrefix), running: running, heard: newHeard(), tables: toBeCompared(cfg, tables), session: rand.Uint64()}
		if b.look(ctx, o.Listen) {
			judgeOwnName(f, cfg, b.heard, running)
			judgeRemotes(remotes, cfg, b.heard)
			judgeColumns(remotes, cfg, b.heard, b.tables)
			judgeKeys(remotes, cfg, b.heard, b.tables)
		}
	}
	return slices.Concat(f.Found, remotes.Found)
}

// brokerFails says why a broker could not be reached.
func brokerFails(f *finding.List, cfg *config.Config, about string, err error, running bool) {
	var other *transport.ProtocolError
	switch {
	case errors.As(err, &other) && other.Speaks != "":
		f.Wrongf(about, `Set mqttConfig.protocol to "`+other.Speaks+`", or write it before the host: `+other.Speaks+"://"+about+".", "%v", err)
	case other != nil:
		f.Wrongf(about, "Correct mqttConfig.host, port or path. A broker's usual ports are 1883, and 8883 with TLS.", "%v", err)
	case transport.Distrusted(err):
		f.Wrongf(about, "Correct the certificates in mqttConfig: ca is the authority of the broker's certificate, cert and key are the node's own.", "%v", err)
	case errors.Is(err, transport.ErrRefused):
		f.Wrongf(about, "Correct mqttConfig.username and password, or make the broker accept them. Some brokers refuse a clientId this way.", "%v", err)
	case cfg.Broker.Listen != "" && !running && isLocal(hostname(about)):
		f.Rightf(about, "is the node's embedded broker, which runs with the node: not checked")
	default:
		f.Wrongf(about, "Check that the broker is running and reachable from here; a node waits for it.", "%v", err)
	}
}

// hostOf returns a server's host and port, without parts that may contain a token.
func hostOf(server string) string {
	if u, err := url.Parse(server); err == nil {
		return u.Host
	}
	return "mqttConfig"
}

// hostname returns a server without its port.
func hostname(server string) string {
	if host, _, err := net.SplitHostPort(server); err == nil {
		return host
	}
	return server
}

// broker is a broker being checked.
type broker struct {
	f       *finding.List
	cfg     *config.Config
	mqtt    config.MQTT
	about   string
	topics  wire.Topics
	running bool
	heard   *heard
	tables  []*schema.Table // to ask the remotes about
	line    *line
	session uint64 // of batches; not a node's
}

const aclAdvice = "Let this login read and write its topics; mosquitto/acl.txt has the rules, and mysql-sync acl prints them for your nodes."

// aclAdvice says what to do about an access rule that is in the way. The shipped rules go by the login, which must then
// be the client's name.
func (b *broker) aclAdvice() string {
	if u := b.mqtt.Username; u != "" && u != b.cfg.ClientName {
		return fmt.Sprintf("The login %q differs from clientName, %q, and the rules in mosquitto/acl.txt give a login the topics of its own name: "+
			"make them the same. Or: ", u, b.cfg.ClientName) + aclAdvice
	}
	return aclAdvice
}

// look finds out what the broker lets through, and listens to the remotes. It returns false if nothing can be heard.
func (b *broker) look(ctx context.Context, listen time.Duration) bool {
	readable := b.subscribe(ctx)
	if b.line == nil {
		return false
	}
	defer func() { b.line.close() }()
	deadline := time.After(listen)
	me := b.cfg.ClientName
	probes := []probe{
		{b.topics.InfoOf(me), wire.Info{Sender: me, Message: wire.DataReceived, Table: "-", ID: "-"}.Encode()},
		{b.topics.AckOf(me, me), wire.Ack{}.Encode()},
		{b.topics.VerifyOf(me, me), []byte("{}")},
	}
	denied := b.probe(ctx, readable, probes)
	if !slices.Contains(denied, b.topics.VerifyOf(me, me)) {
		b.size(ctx, readable)
		b.keeps(ctx, readable)
	}
	b.listen(ctx, deadline)
	if !b.running && !b.heard.isOnline(me) && b.quiet() {
		// This misleads no one: there is no node with this name, or it would have been heard. If one is running, its own
		// presence shows that its messages get through.
		probes = []probe{{b.topics.Info(), wire.Info{Sender: me, Message: wire.ConnectionLost}.Encode()}}
		if b.cfg.MQTT.Clean { // otherwise the broker would keep the message for the node
			probes = append(probes, probe{b.topics.BatchOf(me, me), []byte("check")}, probe{b.topics.ChangeOf(me), []byte("check")})
		}
		probes = append(probes, probe{b.topics.HereOf(me), wire.Here{Session: b.session, Link: 1, Gone: true}.Encode()})
		if b.heard.peer(me).node == nil { // otherwise it can evidently be written and read
			probes = append(probes, probe{b.topics.NodeOf(me), nil}) // removes a retained announcement, and there is none
		}
		denied = append(denied, b.probe(ctx, readable, probes)...)
	}
	if b.running && b.heard.peer(me).node == nil && b.heard.isOnline(me) && !b.heard.unkept {
		denied = append(denied, b.topics.NodeOf(me))
	}
	if p := b.heard.peer(me); b.running && p.isOnline() && !p.here && !b.heard.unkept {
		denied = append(denied, b.topics.HereOf(me))
	}
	if len(denied) == 0 {
		b.f.Rightf(b.about, "messages of this client come back: no access rule blocks them")
	}
	for _, topic := range denied {
		if topic == b.topics.HereOf(me) {
			b.f.Warnf(b.about, b.aclAdvice(), "messages on %s are accepted but do not come back: an access rule (ACL) denies writing or reading it: "+withoutHere, topic)
			continue
		}
		if version1 := topic == b.topics.InfoOf(me) || topic == b.topics.ChangeOf(me); version1 && b.heard.announcedAll(b.cfg) {
			b.f.Rightf(b.about, "messages on %s do not come back: an access rule (ACL) excludes version 1 of the protocol, which no remote speaks", topic)
			continue
		} else if version1 {
			b.f.Warnf(b.about, b.aclAdvice(), "messages on %s are accepted but do not come back: an access rule (ACL) denies writing or reading it. "+
				"Only remotes that speak version 1 of the protocol need it", topic)
			continue
		}
		b.f.Wrongf(b.about, b.aclAdvice(), "messages on %s are accepted but do not come back: an access rule (ACL) denies writing or reading it. "+
			"MQTT 3.1.1 brokers acknowledge what they deny", topic)
	}
	return true
}

// subscribe connects with the topics that the broker lets this client read, reports the others, and returns those that
// could be read.
func (b *broker) subscribe(ctx context.Context) []string {
	me := b.cfg.ClientName
	all := []string{b.topics.Info(), b.topics.InfoOf(me), b.topics.NodeOf("+"), b.topics.AckOf(me, "+"), b.topics.VerifyOf(me, "+")}
	if !b.running {
		all = append(all, b.topics.BatchOf(me, "+"), b.topics.ChangeOf(me))
	}
	heres := []string{b.topics.HereOf(me)}
	for _, r := range b.cfg.RemoteClients {
		heres = append(heres, b.topics.HereOf(r))
	}
	all = append(all, heres...)
	var err error
	if b.line, err = connect(ctx, b.mqtt, all, b.hear); err == nil {
		return all
	}
	var readable []string
	for _, topic := range all {
		l, err := connect(ctx, b.mqtt, []string{topic}, nil)
		switch {
		case err != nil && slices.Contains(heres, topic):
			b.f.Warnf(b.about, b.aclAdvice(), "%v: "+withoutHere, err)
			continue
		case err != nil:
			b.f.Wrongf(b.about, b.aclAdvice(), "%v", err)
			continue
		}
		l.close()
		readable = append(readable, topic)
	}
	if len(readable) > 0 {
		b.reconnect(ctx, readable)
	}
	return readable
}

// withoutHere says what comes of an access rule that denies nodes their own topics of presence.
const withoutHere = "nodes tell each other that they are online over /info instead, which costs each client of the mesh a message"

// reconnect opens a new line after the broker has closed it; nil if that fails.
func (b *broker) reconnect(ctx context.Context, topics []string) bool {
	l, err := connect(ctx, b.mqtt, topics, b.hear)
	if err != nil {
		return false
	}
	if b.line != nil {
		b.line.close()
	}
	b.line = l
	return true
}

// probe is a message from this client to itself.
type probe struct {
	topic   string
	payload []byte
}

// probe sends messages, and returns the topics of those that do not come back. It first sends all together. If the broker
// closes the connection at one that it denies, it sends each separately.
func (b *broker) probe(ctx context.Context, readable []string, list []probe) (lost []string) {
	rest := b.together(ctx, list)
	if len(rest) > 0 && b.gone() {
		list, rest = rest, nil
		for _, p := range list {
			if b.gone() && !b.reconnect(ctx, readable) {
				rest = append(rest, p)
				continue
			}
			rest = append(rest, b.together(ctx, []probe{p})...)
		}
		if b.gone() {
			b.reconnect(ctx, readable)
		}
	}
	for _, p := range rest {
		lost = append(lost, p.topic)
	}
	return lost
}

// together sends messages, and returns those that do not come back in time.
func (b *broker) together(ctx context.Context, list []probe) (lost []probe) {
	echoes := make([]*echo, len(list))
	for i, p := range list {
		echoes[i] = b.line.send(ctx, p.topic, p.payload)
	}
	until := time.After(echoTime)
	over := make(chan time.Time)
	for i, e := range echoes {
		if !b.line.returns(ctx, e, until) {
			lost = append(lost, list[i])
			if until != over { // time is up for all
				until = over
				close(over)
			}
		}
	}
	return lost
}

func (b *broker) gone() bool {
	select {
	case <-b.line.end:
		return true
	default:
		return false
	}
}

// size finds out how large messages may be.
func (b *broker) size(ctx context.Context, readable []string) {
	me := b.cfg.ClientName
	topic := b.topics.VerifyOf(me, me)
	for size := wire.MessageBytes; size >= 4<<10; size /= 2 {
		if b.gone() && !b.reconnect(ctx, readable) {
			return
		}
		if len(b.together(ctx, []probe{{topic, bytes.Repeat([]byte{' '}, size)}})) > 0 {
			continue
		}
		if size == wire.MessageBytes {
			b.f.Rightf(b.about, "messages of %d KiB, the largest between nodes, get through", size>>10)
			return
		}
		b.f.Wrongf(b.about, fmt.Sprintf("Let the broker accept messages of %d KiB and more (Mosquitto: message_size_limit, others: maximum packet size).", 128),
			"messages of %d KiB do not get through, those of %d KiB do: batches of rows would be lost", 2*size>>10, size>>10)
		return
	}
	b.f.Wrongf(b.about, "Let the broker accept larger messages.", "not even messages of 4 KiB get through")
}

// keeps finds out whether the broker keeps retained messages. A broker that does not may close the connection.
func (b *broker) keeps(ctx context.Context, readable []string) {
	me := b.cfg.ClientName
	if b.gone() && !b.reconnect(ctx, readable) {
		return
	}
	kept := b.line.keeps(ctx, b.topics.VerifyOf(me, me))
	if b.gone() {
		b.reconnect(ctx, readable)
	}
	if kept {
		b.f.Rightf(b.about, "the broker keeps retained messages")
		return
	}
	b.heard.keepsNothing()
	b.f.Warnf(b.about, "Enable them at the broker (Mosquitto: retain_available true).",
		"the broker keeps no retained messages: nodes work, and announce themselves to each new node; older versions may take each other for existing peers")
}

// ask asks the online remotes a question that every node of this project answers if it knows the asker: about a table
// that does not exist. It also sends a batch without rows to those that answer and accept rows from this client.
func (b *broker) ask(ctx context.Context) {
	for i, remote := range b.cfg.RemoteClients {
		var messages []transport.Message
		if b.heard.toAsk(remote) {
			q := wire.Question{ID: askID(i), Ask: wire.AskSum}
			if payload, err := q.Encode(); err == nil {
				messages = append(messages, transport.Message{Topic: b.topics.VerifyOf(remote, b.cfg.ClientName), Payload: payload, QoS: 1})
			}
		}
		if b.heard.toTry(remote, b.cfg.SyncTables) {
			for _, payload := range emptyBatch(b.session, askID(i)) {
				messages = append(messages, transport.Message{Topic: b.topics.BatchOf(remote, b.cfg.ClientName), Payload: payload, QoS: 1})
			}
		}
		for _, k := range b.heard.toCompare(remote, len(b.tables)) {
			q := wire.Question{ID: columnsID(i, k), Ask: wire.AskColumns, Table: b.tables[k].Name}
			if payload, err := q.Encode(); err == nil {
				messages = append(messages, transport.Message{Topic: b.topics.VerifyOf(remote, b.cfg.ClientName), Payload: payload, QoS: 1})
			}
		}
		for _, m := range messages {
			_, _ = b.line.session.PublishAsync(ctx, m) // if it fails, the missing answer is reported
		}
	}
}

// emptyBatch returns the messages of a batch without rows. A node answers it like any other.
func emptyBatch(session, seq uint64) [][]byte {
	codec, err := wire.NewCodec(wire.MostBody)
	if err != nil {
		return nil
	}
	return codec.Pack(&wire.Batch{Session: session, Seq: seq, Sent: time.Now().UnixMilli()}, wire.MessageBytes)
}

// listen waits until the remotes have said everything, or time is up. Remotes asked at the last moment get time to answer.
func (b *broker) listen(ctx context.Context, deadline <-chan time.Time) {
	over := false
	for !b.heard.enough(b.cfg.RemoteClients, b.cfg.SyncTables) || !b.heard.comparedAll(b.cfg.RemoteClients, len(b.tables)) || !b.running && !b.quiet() {
		select {
		case <-deadline:
			over = true
		case <-b.line.end:
			return
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
		if over && !b.heard.awaits() {
			return
		}
		if !over {
			b.ask(ctx)
		}
	}
}

// quiet reports whether a node with this client's name would have been heard by now.
func (b *broker) quiet() bool {
	return time.Since(b.heard.since) > mesh.BeatInterval(b.cfg.CheckInterval)+time.Second
}

// hear takes a delivery from the broker. Nothing in it is trusted. Promise 9.
func (b *broker) hear(d transport.Delivery) {
	switch topic := b.topics.Parse(d.Topic); topic.Kind {
	case wire.InfoAll:
		if i, err := wire.ParseInfo(d.Payload); err == nil {
			b.heard.presence(i, time.Now())
		}
	case wire.HereOf:
		if h, err := wire.ParseHere(d.Payload); err == nil && (topic.Client == b.cfg.ClientName || slices.Contains(b.cfg.RemoteClients, topic.Client)) {
			b.heard.onTopic(topic.Client, h, d.Retained, time.Now())
		}
	case wire.Announce:
		if n, err := wire.ParseNode(topic.Client, d.Payload); err == nil {
			b.heard.announced(n)
		}
	case wire.VerifyFor:
		if _, a, err := wire.ParseVerify(d.Payload); err == nil && a != nil {
			if i := slices.Index(b.cfg.RemoteClients, topic.Sender); i >= 0 && a.ID == askID(i) {
				b.heard.answered(topic.Sender, a.Now, time.Now())
			} else if k := int(a.ID & (1<<32 - 1)); i >= 0 && k < len(b.tables) && a.ID == columnsID(i, k) {
				b.heard.told(topic.Sender, k, a)
			}
		}
	case wire.BatchAckFor:
		// An answer to a batch of the running node proves as much as one to the batch sent by ask.
		if _, err := wire.ParseAck(d.Payload); err == nil && slices.Contains(b.cfg.RemoteClients, topic.Sender) {
			b.heard.took(topic.Sender)
		}
	}
}

// askID numbers a question. A running node of this client ignores the answer, since its own questions are numbered from
// a random start.
func askID(i int) uint64 { return 1<<63 + uint64(i) }

// columnsID numbers the question about a table.
func columnsID(i, table int) uint64 { return 1<<63 | uint64(i+1)<<32 | uint64(table) }
