package config

// file is the configuration as the checked file has it, with defaults.
type file struct {
	ClientName           string              `koanf:"clientName"`
	TopicPrefix          string              `koanf:"topicPrefix"`
	RemoteClients        []string            `koanf:"remoteClients"`
	AcceptFrom           any                 `koanf:"acceptFrom"` // clients, or a block by client; nil: not in the file
	Version1Clients      []string            `koanf:"version1Clients"`
	SyncTables           []string            `koanf:"syncTables"`
	ReceiveTables        []string            `koanf:"receiveTables"`
	ConflictPolicy       map[string]any      `koanf:"conflictPolicy"` // a name, or a block with the key priority
	Counters             map[string][]string `koanf:"counters"`
	Routes               map[string]any      `koanf:"routes"` // "all", a rule, a list of rules, or a block with the key parent
	RouteOptions         fileRoutes          `koanf:"routeOptions"`
	CascadeTables        []string            `koanf:"cascadeTables"`
	AllowLossy           map[string]any      `koanf:"allowLossy"`
	ApplySession         map[string]any      `koanf:"applySession"`
	ForeignKeyConflict   string              `koanf:"foreignKeyConflict"`
	QueueDirectory       string              `koanf:"queueDirectory"`
	TransformerDirectory string              `koanf:"transformerDirectory"`
	TransformerLogin     *fileLogin          `koanf:"transformerLogin"` // nil: the node's
	CheckInterval        int                 `koanf:"checkInterval"`    // ms
	Capture              string              `koanf:"capture"`
	InitialSync          string              `koanf:"initialSync"`
	TombstoneRetention   int                 `koanf:"tombstoneRetention"` // days
	MaxRowBytes          int                 `koanf:"maxRowBytes"`
	VerifyInterval       int                 `koanf:"verifyInterval"` // ms
	StatusRows           string              `koanf:"statusRows"`
	Fleet                bool                `koanf:"fleet"`
	ActionsFrom          map[string][]string `koanf:"actionsFrom"`
	ConfigurationFrom    *fileFrom           `koanf:"configurationFrom"` // nil: everything comes from the file
	Lead                 map[string]any      `koanf:"lead"`              // a block by profile
	LoggingLevel         string              `koanf:"loggingLevel"`
	LoggingFormat        string              `koanf:"loggingFormat"`
	MQTT                 fileMQTT            `koanf:"mqttConfig"`
	MySQL                fileMySQL           `koanf:"mysqlConfig"`
	HTTP                 fileHTTP            `koanf:"http"`
	Broker               *fileBroker         `koanf:"broker"`
	Encryption           *fileSealing        `koanf:"encryption"`
}

// fileRoutes is the block routeOptions.
type fileRoutes struct {
	Also  []string `koanf:"also"`
	Write string   `koanf:"write"`
}

// fileFrom is the block configurationFrom.
type fileFrom struct {
	Client  string   `koanf:"client"`
	Profile string   `koanf:"profile"`
	Key     string   `koanf:"key"`
	Local   []string `koanf:"local"`
	Scripts bool     `koanf:"scripts"`

	Transformers bool `koanf:"transformers"`
}

// fileMQTT is the block mqttConfig.
type fileMQTT struct {
	fileServer      `koanf:",squash"`
	Hostname        string       `koanf:"hostname"`
	Path            string       `koanf:"path"`
	Servers         []fileServer `koanf:"servers"`
	ClientID        string       `koanf:"clientId"`
	Username        string       `koanf:"username"`
	Password        string       `koanf:"password"`
	KeepAlive       int          `koanf:"keepalive"`       // s
	ConnectTimeout  int          `koanf:"connectTimeout"`  // ms
	ReconnectPeriod int          `koanf:"reconnectPeriod"` // ms
	Clean           bool         `koanf:"clean"`
	fileTLS         `koanf:",squash"`
}

// fileServer is one item of mqttConfig.servers.
type fileServer struct {
	Host     string `koanf:"host"`
	Port     int    `koanf:"port"` // 0: the protocol's
	Protocol string `koanf:"protocol"`
}

// fileTLS are the keys of TLS in mqttConfig and mysqlConfig.ssl.
type fileTLS struct {
	CA                 []string `koanf:"ca"`
	Cert               []string `koanf:"cert"`
	Key                []string `koanf:"key"`
	RejectUnauthorized bool     `koanf:"rejectUnauthorized"`
}

// fileMySQL is the block mysqlConfig.
type fileMySQL struct {
	Host           string   `koanf:"host"`
	Port           int      `koanf:"port"`
	SocketPath     string   `koanf:"socketPath"`
	User           string   `koanf:"user"`
	Password       string   `koanf:"password"`
	Database       string   `koanf:"database"`
	Charset        string   `koanf:"charset"`
	Timezone       string   `koanf:"timezone"`
	ConnectTimeout int      `koanf:"connectTimeout"` // ms
	LocalAddress   string   `koanf:"localAddress"`
	SSL            *fileTLS `koanf:"ssl"` // nil: no TLS
}

// fileLogin is the block transformerLogin.
type fileLogin struct {
	User     string `koanf:"user"`
	Password string `koanf:"password"`
}

// fileHTTP is the block http.
type fileHTTP struct {
	Listen string  `koanf:"listen"`
	Token  *string `koanf:"token"` // nil: not in the file
	Cert   string  `koanf:"cert"`
	Key    string  `koanf:"key"`
}

// fileBroker is the block broker.
type fileBroker struct {
	Listen    string           `koanf:"listen"`
	WSListen  string           `koanf:"wsListen"`
	WSOrigins []string         `koanf:"wsOrigins"`
	Users     []fileBrokerUser `koanf:"users"`
	Cert      string           `koanf:"cert"`
	Key       string           `koanf:"key"`
}

// fileBrokerUser is one item of broker.users.
type fileBrokerUser struct {
	Username string `koanf:"username"`
	Password string `koanf:"password"`
	Client   string `koanf:"client"`
}

// fileSealing is the block encryption.
type fileSealing struct {
	Keys     []fileKey `koanf:"keys"`
	Required []string  `koanf:"required"`
}

// fileKey is one item of encryption.keys.
type fileKey struct {
	ID      string   `koanf:"id"`
	Key     string   `koanf:"key"`
	Clients []string `koanf:"clients"`
}
