package wire

import "strings"

// Topics of version 1 are /info, /info/{client} and /change/{client}; the
// extension adds the others. Its topics name the sender as well, so that a
// broker's ACL can bind a sender to its login.
const (
	InfoTopic = "/info"

	infoPrefix   = "/info/"
	changePrefix = "/change/"
	nodePrefix   = "/node/"
	batchPrefix  = "/batch/"
	ackPrefix    = "/ack/"
	verifyPrefix = "/verify/"
)

// Kind says what a topic carries.
type Kind uint8

// The kinds of topics.
const (
	Unknown     Kind = iota
	InfoAll          // version 1: presence
	InfoMe           // version 1: acks and errors for one client
	ChangeTo         // version 1: changes for one client
	Announce         // extension: what a node speaks, retained
	BatchTo          // extension: a batch, or a piece of one
	BatchAckFor      // extension: the ack of a batch
	VerifyFor        // extension: a question of verify, or its answer
)

// Topic is a topic taken apart. Client is the target of a message, or the node
// that announces itself; Sender is set on batches and their acks.
type Topic struct {
	Kind   Kind
	Client string
	Sender string
}

// InfoOf, ChangeOf and NodeOf return the topics of a client; BatchOf and AckOf
// those from sender to target.
func InfoOf(client string) string          { return infoPrefix + client }
func ChangeOf(client string) string        { return changePrefix + client }
func NodeOf(client string) string          { return nodePrefix + client }
func BatchOf(target, sender string) string { return batchPrefix + target + "/" + sender }
func AckOf(target, sender string) string   { return ackPrefix + target + "/" + sender }

// VerifyOf returns the topic of verify from sender to target.
func VerifyOf(target, sender string) string { return verifyPrefix + target + "/" + sender }

// Subscriptions returns the topic filters of a client.
func Subscriptions(client string) []string {
	return []string{InfoTopic, InfoOf(client), ChangeOf(client), nodePrefix + "+", batchPrefix + client + "/+", ackPrefix + client + "/+", verifyPrefix + client + "/+"}
}

// ParseTopic takes a topic apart.
func ParseTopic(topic string) Topic {
	switch {
	case topic == InfoTopic:
		return Topic{Kind: InfoAll}
	case strings.HasPrefix(topic, infoPrefix):
		return Topic{Kind: InfoMe, Client: topic[len(infoPrefix):]}
	case strings.HasPrefix(topic, changePrefix):
		return Topic{Kind: ChangeTo, Client: topic[len(changePrefix):]}
	case strings.HasPrefix(topic, nodePrefix):
		return Topic{Kind: Announce, Client: topic[len(nodePrefix):]}
	case strings.HasPrefix(topic, batchPrefix):
		return pair(BatchTo, topic[len(batchPrefix):])
	case strings.HasPrefix(topic, ackPrefix):
		return pair(BatchAckFor, topic[len(ackPrefix):])
	case strings.HasPrefix(topic, verifyPrefix):
		return pair(VerifyFor, topic[len(verifyPrefix):])
	}
	return Topic{}
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
