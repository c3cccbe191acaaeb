package wire

import (
	"slices"
	"strings"
)

// Topics of version 1 are /info, /info/{client} and /change/{client}; the
// extension adds the others. Its topics name the sender as well, so that a
// broker's ACL can bind a sender to its login.
const (
	infoTopic    = "/info"
	infoPrefix   = "/info/"
	changePrefix = "/change/"
	nodePrefix   = "/node/"
	herePrefix   = "/here/"
	batchPrefix  = "/batch/"
	ackPrefix    = "/ack/"
	verifyPrefix = "/verify/"
	joinPrefix   = "/join/"
	joinedPrefix = "/joined/"
)

// Topics are the topics of one mesh. Its value is a literal prefix of each
// (acme turns /info into acme/info); "" is none. Meshes with different prefixes
// can share a broker and see nothing of each other.
type Topics string

// Kind says what a topic carries.
type Kind uint8

// The kinds of topics.
const (
	Unknown     Kind = iota
	InfoAll          // version 1: presence
	InfoMe           // version 1: acks and errors for one client
	ChangeTo         // version 1: changes for one client
	Announce         // extension: a node's announcement, retained
	HereOf           // extension: a node's presence
	BatchTo          // extension: a batch, or a piece of one
	BatchAckFor      // extension: the ack of a batch
	VerifyFor        // extension: a question of verify, or its answer
	JoinTo           // extension: a site asks a hub to let it in
	JoinedBy         // extension: the hub's answer
)

// Topic is a parsed topic. Client is the target of a message, or the node that
// announces itself; Sender is set for batches, acks and verify.
type Topic struct {
	Kind   Kind
	Client string
	Sender string

	Invitation, Ask string // of JoinTo and JoinedBy, whose Client is the hub: which invitation, and which request
}

// Info returns the topic of presence, which all clients read and write.
func (t Topics) Info() string { return string(t) + infoTopic }

// InfoOf, ChangeOf, NodeOf and HereOf return the topics of a client; BatchOf, AckOf and
// VerifyOf those from sender to target.
func (t Topics) InfoOf(client string) string   { return string(t) + infoPrefix + client }
func (t Topics) ChangeOf(client string) string { return string(t) + changePrefix + client }
func (t Topics) NodeOf(client string) string   { return string(t) + nodePrefix + client }
func (t Topics) HereOf(client string) string   { return string(t) + herePrefix + client }
func (t Topics) BatchOf(target, sender string) string {
	return string(t) + batchPrefix + target + "/" + sender
}
func (t Topics) AckOf(target, sender string) string {
	return string(t) + ackPrefix + target + "/" + sender
}
func (t Topics) VerifyOf(target, sender string) string {
	return string(t) + verifyPrefix + target + "/" + sender
}

// JoinOf and JoinedOf return the topics on which a site asks a hub to let it in, and gets the answer. The invitation and the
// request are each 16 hexadecimal digits, or + for any.
func (t Topics) JoinOf(hub, invitation, ask string) string {
	return string(t) + joinPrefix + hub + "/" + invitation + "/" + ask
}

// JoinedOf is described at JoinOf.
func (t Topics) JoinedOf(hub, invitation, ask string) string {
	return string(t) + joinedPrefix + hub + "/" + invitation + "/" + ask
}

// Subscriptions returns the topic filters that a client may need. A node subscribes to announcements and presence of its partners
// only, and to /info only while one of them needs it.
func (t Topics) Subscriptions(client string) []string {
	return slices.Concat([]string{t.Info(), t.NodeOf("+"), t.HereOf("+")}, t.Version1(client), t.Batches(client), t.Answers(client))
}

// Version1 returns the topics on which existing peers write to a client alone.
func (t Topics) Version1(client string) []string {
	return []string{t.InfoOf(client), t.ChangeOf(client)}
}

// Batches returns the topic filters of the batches for a client.
func (t Topics) Batches(client string) []string { return []string{t.BatchOf(client, "+")} }

// Answers returns the topic filters of acks and verify for a client. If one is lost, what it is about is sent again.
func (t Topics) Answers(client string) []string {
	return []string{t.AckOf(client, "+"), t.VerifyOf(client, "+")}
}

// Parse parses a topic. A topic of another mesh is Unknown.
func (t Topics) Parse(topic string) Topic {
	topic, ours := strings.CutPrefix(topic, string(t))
	switch {
	case !ours:
		return Topic{}
	case topic == infoTopic:
		return Topic{Kind: InfoAll}
	case strings.HasPrefix(topic, infoPrefix):
		return Topic{Kind: InfoMe, Client: topic[len(infoPrefix):]}
	case strings.HasPrefix(topic, changePrefix):
		return Topic{Kind: ChangeTo, Client: topic[len(changePrefix):]}
	case strings.HasPrefix(topic, nodePrefix):
		return Topic{Kind: Announce, Client: topic[len(nodePrefix):]}
	case strings.HasPrefix(topic, herePrefix):
		return Topic{Kind: HereOf, Client: topic[len(herePrefix):]}
	case strings.HasPrefix(topic, batchPrefix):
		return pair(BatchTo, topic[len(batchPrefix):])
	case strings.HasPrefix(topic, ackPrefix):
		return pair(BatchAckFor, topic[len(ackPrefix):])
	case strings.HasPrefix(topic, verifyPrefix):
		return pair(VerifyFor, topic[len(verifyPrefix):])
	case strings.HasPrefix(topic, joinPrefix):
		return request(JoinTo, topic[len(joinPrefix):])
	case strings.HasPrefix(topic, joinedPrefix):
		return request(JoinedBy, topic[len(joinedPrefix):])
	}
	return Topic{}
}

func request(k Kind, rest string) Topic {
	parts := strings.Split(rest, "/")
	if len(parts) != 3 || !ValidClient(parts[0]) || !ValidID(parts[1]) || !ValidID(parts[2]) {
		return Topic{}
	}
	return Topic{Kind: k, Client: parts[0], Invitation: parts[1], Ask: parts[2]}
}

// ValidID reports whether id may name an invitation, or a request by it: 16 hexadecimal digits, in lower case.
func ValidID(id string) bool {
	return len(id) == 16 && strings.Trim(id, "0123456789abcdef") == ""
}

func pair(k Kind, rest string) Topic {
	target, sender, ok := strings.Cut(rest, "/")
	if !ok || !ValidClient(target) || !ValidClient(sender) {
		return Topic{}
	}
	return Topic{Kind: k, Client: target, Sender: sender}
}

// ValidClient reports whether name matches ^[a-zA-Z0-9-_]{2,32}$.
func ValidClient(name string) bool {
	if len(name) < 2 || len(name) > 32 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
