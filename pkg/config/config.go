package config

import "time"

// Config is one node's configuration, as read from its file. It does not change
// after Load, so any number of goroutines may read it. Printing or logging it
// shows no password.
type Config struct {
	Path                 string // of its file, absolute
	ClientName           string
	TopicPrefix          string // before every topic; "" is none
	RemoteClients        []string
	AcceptFrom           []string          // ["*"] is anyone; empty means RemoteClients
	Rights               map[string]Rights // of the clients in AcceptFrom; a missing one has all
	RemotePatterns       []string          // of names: sites that were let in are remotes too
	AcceptPatterns       []string          // of names: sites that were let in are accepted too
	Version1Clients      []string          // spoken to in version 1, whatever they spoke before
	SyncTables           []string
	ReceiveTables        []string
	ConflictPolicy       map[string]Policy   // by table; a missing one has lastWriteWins
	Counters             map[string][]string // columns by table, whose increments add up; the table's policy is merge
	Routes               map[string]Route    // by table; a missing one goes to all
	RouteAlso            []string            // remotes that have all rows
	RouteWrite           string              // give, own, any
	CascadeTables        []string            // in neither list; one may be Any
	AllowLossy           map[string][]string // columns by table, each may be Any
	ApplySession         []Variable          // in the order of their names
	ForeignKeyConflict   string              // keep, cascade
	QueueDirectory       string              // absolute after Load
	TransformerDirectory string              // absolute after Load; "" is none
	TransformerLogin     *Login              // at the database; nil: the node's
	CheckInterval        time.Duration       // of the poll; the file has milliseconds
	Capture              string              // one of the constants Capture…
	InitialSync          string              // none, missing, all
	TombstoneRetention   time.Duration       // of the versions of deleted rows; 0 is for ever
	MaxRowBytes          int                 // of a change of version 1, and of a batch once it is unpacked
	VerifyInterval       time.Duration       // between two comparisons of all tables; 0 is never
	StatusRows           string              // all, open
	Fleet                bool                // the partners are asked how they are
	Actions              map[string][]string // by client or pattern: what it may do here from afar
	From                 From                // where a part of this comes from
	Leads                []Lead              // profiles for others, by name
	LoggingLevel         string              // error, warn, info, debug, trace
	LoggingFormat        string              // console, json
	MQTT                 MQTT
	MySQL                MySQL
	HTTP                 HTTP
	Broker               Broker
	Encryption           Encryption
	Joined               Joined // what With added
}

// Policy is how the conflicts of a table are decided (key conflictPolicy).
type Policy struct {
	Name     string   // lastWriteWins, priority, script, merge
	Priority []string // clients, the first wins; only of priority, and never empty there
	Counters []string // columns whose increments add up (key counters); only of merge
}

// MQTT says how the broker is reached (key mqttConfig).
type MQTT struct {
	Servers            []string // URLs with one of the schemes tcp, ssl, ws, wss; tried in turn; never empty after Load
	ServerName         string   // name that the broker's certificate must have; "" is the host of the URL
	ClientID           string   // default: mysql-sync-{clientName}
	Username, Password string
	KeepAlive          time.Duration // 0 is off
	ConnectTimeout     time.Duration // 0 is the default of 30 s
	ReconnectPeriod    time.Duration // first pause before a new attempt; it grows; never 0 after Load
	Clean              bool
	CA, Cert, Key      []string // absolute paths of PEM files; Cert[i] belongs to Key[i]
	RejectUnauthorized bool     // verify the broker's certificate
}

// MySQL says how the database is reached (key mysqlConfig).
type MySQL struct {
	Host           string
	Port           int
	SocketPath     string // takes precedence over Host and Port
	User, Password string
	Database       string
	Charset        string        // always utf8mb4 after Load
	Timezone       string        // in which TIMESTAMP columns are shown on wire version 1: "Z", "local", "+02:00"
	ConnectTimeout time.Duration // 0 is no limit
	LocalAddress   string        // IP address; "" is any
	TLS            *TLS          // nil: no TLS
}

// Login is the key transformerLogin.
type Login struct{ User, Password string }

// TransformerMySQL says how the transformers reach the database.
func (c *Config) TransformerMySQL() MySQL {
	m := c.MySQL
	if l := c.TransformerLogin; l != nil {
		m.User, m.Password = l.User, l.Password
	}
	return m
}

// TLS is the key mysqlConfig.ssl.
type TLS struct {
	CA, Cert, Key      []string // absolute paths of PEM files; Cert[i] belongs to Key[i]
	RejectUnauthorized bool
}

// HTTP is the node's own server (key http); it runs when Listen is set.
type HTTP struct {
	Listen    string // host:port; without Token a loopback address
	Token     string // clients must send it; "" lets anyone in
	Cert, Key string // PEM files; if set, the server speaks TLS
}

// Broker is the embedded broker (key broker); it runs when Listen is set.
type Broker struct {
	Listen    string // host:port
	WSListen  string // host:port for websockets; "" is none
	Users     []BrokerUser
	Cert, Key string   // PEM files; if set, the listeners speak TLS
	WSOrigins []string // pages that may connect over websockets beside the node's own, as Origin has them; "*" is any
	Page      string   // host:port of the node's own page (http.listen); "" is none

	TopicPrefix string // of the node's mesh, for users bound to a client
	Hub         string // the node's own name, if sites can join it
	Node        string // the node's own name, and
	ClientID    string // its identifier at this broker, which no other user may take
}

// BrokerUser may connect to the embedded broker.
type BrokerUser struct {
	Username, Password string
	Client             string // it may use only this client's topics; "" is all topics
	Hash               Hash   // of the password, instead of Password; zero is none
	Invitation         string // it may use only the topics of joining by this invitation; "" is not restricted so
}
