package config

import "time"

// Config is one node's configuration, as read from its file.
type Config struct {
	ClientName           string
	RemoteClients        []string
	AcceptFrom           []string // ["*"] is anyone; empty means RemoteClients
	SyncTables           []string
	ReceiveTables        []string
	QueueDirectory       string        // absolute after Load
	TransformerDirectory string        // absolute after Load; "" is none
	CheckInterval        time.Duration // of the poll; the file has milliseconds
	LoggingLevel         string        // error, warn, info, debug, trace
	MQTT                 MQTT
	MySQL                MySQL
	Broker               Broker
}

// MQTT says how the broker is reached (key mqttConfig).
type MQTT struct {
	Servers            []string // URLs with one of the schemes tcp, ssl, ws, wss; tried in turn; never empty after Load
	ClientID           string   // default: mysql-sync-{clientName}
	Username, Password string
	KeepAlive          time.Duration
	ConnectTimeout     time.Duration
	ReconnectPeriod    time.Duration // pause before a new attempt; it grows from here
	Clean              bool
	CA, Cert, Key      []string // absolute paths of PEM files
	RejectUnauthorized bool     // verify the broker's certificate
}

// MySQL says how the database is reached (key mysqlConfig).
type MySQL struct {
	Host           string
	Port           int
	SocketPath     string // wins over Host and Port
	User, Password string
	Database       string
	Charset        string
	Timezone       string // in which TIMESTAMP columns are shown on wire version 1: "Z", "local", "+02:00"
	ConnectTimeout time.Duration
	LocalAddress   string
	TLS            *TLS // nil: no TLS
}

// TLS is the key mysqlConfig.ssl.
type TLS struct {
	CA, Cert, Key      []string // absolute paths of PEM files
	RejectUnauthorized bool
}

// Broker is the embedded broker (key broker); it runs when Listen is set.
type Broker struct {
	Listen   string // host:port
	WSListen string // host:port for websockets; "" is none
	Users    []BrokerUser
	Cert, Key string // PEM files; set, the listeners speak TLS
}

// BrokerUser may connect to the embedded broker.
type BrokerUser struct {
	Username, Password string
}
