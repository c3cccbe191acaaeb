package broker

import (
	"crypto/sha256"
	"crypto/subtle"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// nameLength is how much of a name that somebody claims goes to the log.
const nameLength = 32

// gate lets users in by their password, and each to all topics. Without users it lets everybody in.
type gate struct {
	mqtt.HookBase
	log       *zap.Logger
	passwords map[string][sha256.Size]byte // of equal length, so that comparing takes equal time
}

func newGate(log *zap.Logger, users []config.BrokerUser) *gate {
	g := &gate{log: log, passwords: map[string][sha256.Size]byte{}}
	for _, u := range users {
		g.passwords[u.Username] = sha256.Sum256([]byte(u.Password))
	}
	return g
}

// ID names the hook to mochi.
func (g *gate) ID() string { return "gate" }

// Provides tells mochi what the hook answers.
func (g *gate) Provides(b byte) bool { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }

// OnConnectAuthenticate tells whether a client may connect. Promise 8.
func (g *gate) OnConnectAuthenticate(c *mqtt.Client, p packets.Packet) bool {
	if !g.knows(p.Connect.Username, p.Connect.Password) {
		g.log.Warn("login refused", zap.String("username", wire.Shorten(string(p.Connect.Username), nameLength)),
			zap.String("client", wire.Shorten(c.ID, nameLength)), zap.String("address", c.Net.Remote))
		return false
	}
	letIn(c.Net.Conn)
	return true
}

// knows reports whether a login is right. It takes the same time for any wrong one.
func (g *gate) knows(username, password []byte) bool {
	want, known := g.passwords[string(username)]
	given := sha256.Sum256(password)
	return len(g.passwords) == 0 || subtle.ConstantTimeCompare(want[:], given[:]) == 1 && known
}

// OnACLCheck lets each client read and write all topics.
func (g *gate) OnACLCheck(*mqtt.Client, string, bool) bool { return true }
