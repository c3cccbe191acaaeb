package broker

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// nameLength is how much of a claimed name goes to the log.
const nameLength = 32

// gate admits users by their password, each to its own topics: those of the client that the configuration binds it to, or else
// all. Without users it admits everyone.
type gate struct {
	mqtt.HookBase
	log     *zap.Logger
	own     string // the node's own client identifier
	users   atomic.Pointer[map[string]user]
	clients *mqtt.Clients
	forget  func(*mqtt.Client) // a session's filters
}

// user is one who may connect.
type user struct {
	password    [sha256.Size]byte // a hash, as comparing equal lengths takes equal time
	bound       bool
	guest       bool     // it may only ask to join
	node        bool     // it is this node's own
	read, write []string // topic filters, if bound
	kept        []string // topics on which it may have messages retained
	id          string   // the identifier of its client, if it is bound to one
	wait        *wait
}

func newGate(log *zap.Logger, c *config.Broker, server *mqtt.Server) *gate {
	g := &gate{log: log, own: c.ClientID, clients: server.Clients, forget: server.UnsubscribeClient}
	g.admit(c)
	return g
}

// owner returns whose session a client identifier has.
func (g *gate) owner(id string) (username string, ok bool) {
	c, ok := g.clients.Get(id)
	if !ok {
		return "", false
	}
	return string(c.Properties.Username), true
}

// count returns how many sessions a user has, beside two.
func (g *gate) count(username, id, other string) (n int) {
	for _, c := range g.clients.GetAll() {
		if string(c.Properties.Username) == username && c.ID != id && c.ID != other {
			n++
		}
	}
	return n
}

// admit replaces the users.
func (g *gate) admit(c *config.Broker) {
	users := map[string]user{}
	for _, u := range c.Users {
		x := user{password: u.Hash, wait: new(wait)}
		if u.Hash == (config.Hash{}) {
			x.password = sha256.Sum256([]byte(u.Password))
		}
		switch t := wire.Topics(c.TopicPrefix); {
		case u.Invitation != "":
			x.bound, x.guest = true, true
			x.read, x.write = []string{t.JoinedOf(c.Hub, u.Invitation, "+")}, []string{t.JoinOf(c.Hub, u.Invitation, "+")}
		case u.Client != "":
			x.bound, x.read, x.write, x.id = true, t.Subscriptions(u.Client), t.Publications(u.Client), config.ClientID(c.TopicPrefix, u.Client)
			x.kept = keeps(t, u.Client)
			if u.Client == c.Node {
				x.id, x.node = c.ClientID, true
			}
			if u.Client == c.Hub {
				x.read, x.write = append(x.read, t.JoinOf(c.Hub, "+", "+")), append(x.write, t.JoinedOf(c.Hub, "+", "+"))
			}
		}
		users[u.Username] = x
	}
	g.users.Store(&users)
}

// same reports whether a user of this name has the same password and the same rights as before.
func (u user) same(o user) bool {
	return u.password == o.password && u.bound == o.bound && slices.Equal(u.read, o.read) && slices.Equal(u.write, o.write)
}

// ID names the hook to mochi.
func (g *gate) ID() string { return "gate" }

// Provides tells mochi what the hook answers.
func (g *gate) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnPublish || b == mqtt.OnSubscribe || b == mqtt.OnClientExpired || b == mqtt.OnWill
}

// guestID begins the client identifiers that a guest may have: with a site's, or the hub's own, it would keep that one out.
const guestID = "mysql-sync-join-"

// What a guest may take of the broker: anyone with a token, even one that is used up, is one.
const (
	guestBytes       = 8 << 10 // size of a message
	guestConnections = 64      // at a time
)

// OnPublish refuses what would let a guest fill the broker: large messages, and retained ones. Promise 10.
func (g *gate) OnPublish(c *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	name := string(c.Properties.Username)
	u := (*g.users.Load())[name]
	if u.guest && (p.FixedHeader.Retain || len(p.Payload) > guestBytes) {
		return p, packets.ErrRejectPacket
	}
	if !u.limited() {
		return p, nil
	}
	p, ok := g.bounded(&u, name, p)
	if !ok {
		g.log.Warn("dropped a message of a client that has left too much at the broker", zap.String("username", wire.Shorten(name, nameLength)),
			zap.String("topic", wire.Shorten(p.TopicName, factLength)), zap.Int("bytes", len(p.Payload)))
		return p, packets.CodeSuccessIgnore
	}
	return p, nil
}

// OnConnectAuthenticate reports whether a client may connect. Promise 8.
func (g *gate) OnConnectAuthenticate(c *mqtt.Client, p packets.Packet) bool {
	if err := g.refusal(c.ID, &p.Connect); err != nil {
		g.log.Warn("login refused", zap.String("username", wire.Shorten(string(p.Connect.Username), nameLength)),
			zap.String("client", wire.Shorten(c.ID, nameLength)), zap.String("address", c.Net.Remote), zap.Error(err))
		return false
	}
	u := (*g.users.Load())[string(p.Connect.Username)]
	u.modest(c)
	letIn(c.Net.Conn)
	return true
}

// Why a login is refused.
var (
	errLogin    = errors.New("wrong user or password")
	errWill     = errors.New("its will is for a topic that it may not write to")
	errGuest    = errors.New("a client that joins has no will, keeps no session, and its identifier begins with " + guestID)
	errMany     = errors.New("this invitation has too many connections")
	errSessions = errors.New("this user has too many connections or sessions")
	errTaken    = errors.New("another user has a session with this client identifier")
	errReserved = errors.New("this client identifier is another's: it would keep that one out")
)

// refusal returns why a login is refused, or nil. A wrong login takes the same time whatever is wrong. For a user bound to
// topics, the will and the session are checked too: mochi publishes a will without asking, and hands a session's queue to whoever
// names it.
func (g *gate) refusal(id string, p *packets.ConnectParams) error {
	users := *g.users.Load()
	if len(users) == 0 {
		return nil
	}
	u, known := users[string(p.Username)]
	given := sha256.Sum256(p.Password)
	if subtle.ConstantTimeCompare(u.password[:], given[:]) != 1 || !known {
		return errLogin
	}
	if p.WillFlag && !u.may(u.write, p.WillTopic) {
		return errWill
	}
	if u.guest && (p.WillFlag || !p.Clean || !strings.HasPrefix(id, guestID)) {
		return errGuest
	}
	if u.guest && g.count(string(p.Username), "", "") >= guestConnections {
		return errMany
	}
	if u.limited() && id != u.id && g.count(string(p.Username), id, u.id) >= sessionsMost {
		return errSessions
	}
	if u.bound && u.id != id && g.reserved(users, id) {
		return errReserved
	}
	if owner, ok := g.owner(id); ok && owner != string(p.Username) && (u.bound || users[owner].bound) {
		return errTaken
	}
	return nil
}

// reserved reports whether an identifier is the node's own, or that of a client to which a user is bound.
func (g *gate) reserved(users map[string]user, id string) bool {
	if id == g.own {
		return true
	}
	for _, u := range users {
		if u.id != "" && u.id == id {
			return true
		}
	}
	return false
}

// OnACLCheck reports whether a client may publish to a topic, or subscribe to a filter.
func (g *gate) OnACLCheck(c *mqtt.Client, topic string, write bool) bool {
	users := *g.users.Load()
	if len(users) == 0 {
		return true
	}
	u, known := users[string(c.Properties.Username)]
	if !known {
		return false
	}
	if write {
		return u.may(u.write, topic)
	}
	return u.may(u.read, topic)
}

// may reports whether a user's rights cover a topic or a filter.
func (u *user) may(rights []string, filter string) bool {
	return !u.bound || slices.ContainsFunc(rights, func(right string) bool { return wire.Covers(right, filter) })
}
