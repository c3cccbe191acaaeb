package config

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// String shows the configuration without passwords.
func (c Config) String() string {
	type plain Config // without String, which would recurse
	return fmt.Sprintf("%+v", plain(c))
}

// GoString is String, so that %#v shows no password either.
func (c Config) GoString() string { return c.String() }

// MarshalLogObject logs the configuration without passwords.
func (c Config) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("clientName", c.ClientName)
	zap.Strings("remoteClients", c.RemoteClients).AddTo(e)
	zap.Strings("acceptFrom", c.AcceptFrom).AddTo(e)
	zap.Strings("version1Clients", c.Version1Clients).AddTo(e)
	zap.Strings("syncTables", c.SyncTables).AddTo(e)
	zap.Strings("receiveTables", c.ReceiveTables).AddTo(e)
	e.AddDuration("checkInterval", c.CheckInterval)
	e.AddString("capture", c.Capture)
	e.AddString("mqtt", c.MQTT.String())
	e.AddString("mysql", c.MySQL.String())
	e.AddString("http", c.HTTP.String())
	e.AddString("broker", fmt.Sprintf("%+v", c.Broker))
	e.AddString("encryption", fmt.Sprintf("%+v", c.Encryption))
	return nil
}

// String shows the block without its password.
func (m MQTT) String() string {
	type plain MQTT
	m.Password = keys.Redact(m.Password)
	servers := m.Servers
	m.Servers = nil
	for _, s := range servers {
		m.Servers = append(m.Servers, keys.RedactURL(s))
	}
	return fmt.Sprintf("%+v", plain(m))
}

// GoString is String.
func (m MQTT) GoString() string { return m.String() }

// String shows the block without its password.
func (m MySQL) String() string {
	type plain MySQL
	m.Password = keys.Redact(m.Password)
	return fmt.Sprintf("%+v", plain(m))
}

// GoString is String.
func (m MySQL) GoString() string { return m.String() }

// String shows the user without the password.
func (l Login) String() string {
	type plain Login
	l.Password = keys.Redact(l.Password)
	return fmt.Sprintf("%+v", plain(l))
}

// GoString is String.
func (l Login) GoString() string { return l.String() }

// String shows the block.
func (t *TLS) String() string {
	if t == nil {
		return "none"
	}
	type plain TLS
	return fmt.Sprintf("%+v", plain(*t))
}

// String shows the user without the password.
func (u BrokerUser) String() string {
	type plain BrokerUser
	u.Password = keys.Redact(u.Password)
	return fmt.Sprintf("%+v", plain(u))
}

// GoString is String.
func (u BrokerUser) GoString() string { return u.String() }

// String shows the block without its token.
func (h HTTP) String() string {
	type plain HTTP
	h.Token = keys.Redact(h.Token)
	return fmt.Sprintf("%+v", plain(h))
}

// GoString is String.
func (h HTTP) GoString() string { return h.String() }
