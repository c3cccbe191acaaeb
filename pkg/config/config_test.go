package config

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// block is a configuration in a test.
type block map[string]any

// least returns the smallest valid configuration with changes applied.
func least(change block) block {
	k := block{
		"clientName":    "berlin",
		"remoteClients": []string{"hamburg"},
		"syncTables":    []string{"orders"},
		"mqttConfig":    block{"host": "broker"},
		"mysqlConfig":   block{"user": "sync", "database": "shop"},
	}
	maps.Copy(k, change)
	return k
}

// write writes k as configuration.json into a new directory and returns its path.
func write(t *testing.T, k block) string {
	t.Helper()
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return writeText(t, "configuration.json", string(text))
}

// writeText writes a file into a new directory and returns its path.
func writeText(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads a configuration that must be valid and without warnings.
func load(t *testing.T, path string, environ ...string) *Config {
	t.Helper()
	c, warnings, err := Load(path, environ)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Fatalf("warnings: %q", warnings)
	}
	c.Path = ""
	return c
}

// refused loads a configuration that must have exactly these mistakes.
func refused(t *testing.T, path string, environ []string, want ...string) {
	t.Helper()
	c, _, err := Load(path, environ)
	if c != nil {
		t.Errorf("a configuration with mistakes was returned: %v", c)
	}
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("got error %v, want mistakes", err)
	}
	if got := mistakes.Error(); got != strings.Join(want, "\n") {
		t.Errorf("mistakes:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestDefaults(t *testing.T) {
	path := write(t, least(nil))
	want := &Config{
		ClientName:         "berlin",
		RemoteClients:      []string{"hamburg"},
		Version1Clients:    []string{},
		SyncTables:         []string{"orders"},
		ReceiveTables:      []string{},
		QueueDirectory:     filepath.Join(filepath.Dir(path), "queue"),
		CheckInterval:      time.Second,
		Capture:            "trigger",
		InitialSync:        "missing",
		StatusRows:         "all",
		ForeignKeyConflict: "keep",
		TombstoneRetention: 90 * 24 * time.Hour, VerifyInterval: 24 * time.Hour, MaxRowBytes: 6 << 20,
		LoggingLevel:  "info",
		LoggingFormat: "console",
		MQTT: MQTT{
			Servers:            []string{"tcp://broker:1883"},
			ClientID:           "mysql-sync-berlin",
			KeepAlive:          time.Minute,
			ConnectTimeout:     30 * time.Second,
			ReconnectPeriod:    time.Second,
			Clean:              true,
			RejectUnauthorized: true,
		},
		MySQL: MySQL{
			Host:           "localhost",
			Port:           3306,
			User:           "sync",
			Database:       "shop",
			Charset:        "utf8mb4",
			Timezone:       "Z",
			ConnectTimeout: 10 * time.Second,
		},
	}
	if got := load(t, path); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// An existing file with every meaningful key works unchanged.
func TestExistingFile(t *testing.T) {
	certs := newCerts(t)
	path := filepath.Join(certs.dir, "configuration.json")
	text := `{
		"clientName": "berlin", "remoteClients": ["hamburg", "paris"],
		"syncTables": ["orders", "product items"], "receiveTables": ["orders"],
		"queueDirectory": "/var/lib/queue", "checkInterval": 100, "initialSync": "all", "statusRows": "open", "tombstoneRetention": 1, "verifyInterval": 1000, "maxRowBytes": 16777216, "loggingLevel": "trace",
		"transformerDirectory": ".",
		"mqttConfig": {
			"hostname": "broker", "port": "9001", "protocol": "wxs", "path": "mqtt", "clientId": "me",
			"keepalive": 5, "clean": false, "connectTimeout": 2000, "reconnectPeriod": 250,
			"username": "u", "password": "p$$w", "ca": "ca.crt", "cert": ["client.crt"], "key": "client.key",
			"rejectUnauthorized": false
		},
		"mysqlConfig": {
			"host": "db", "port": 3307, "socketPath": "mysqld.sock", "user": "s", "password": "q", "database": "shop",
			"charset": "UTF8_GENERAL_CI", "timezone": "+0200", "connectTimeout": 500, "localAddress": "10.0.0.5",
			"ssl": {"ca": ["ca.crt"], "cert": "client.crt", "key": "client.key", "rejectUnauthorized": true}
		}
	}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(certs.dir, name) }
	want := &Config{
		ClientName:           "berlin",
		RemoteClients:        []string{"hamburg", "paris"},
		Version1Clients:      []string{},
		SyncTables:           []string{"orders", "product items"},
		ReceiveTables:        []string{"orders"},
		QueueDirectory:       "/var/lib/queue",
		TransformerDirectory: certs.dir,
		CheckInterval:        100 * time.Millisecond,
		Capture:              "trigger",
		InitialSync:          "all",
		StatusRows:           "open",
		ForeignKeyConflict:   "keep",
		TombstoneRetention:   24 * time.Hour, VerifyInterval: time.Second, MaxRowBytes: 16 << 20,
		LoggingLevel:  "trace",
		LoggingFormat: "console",
		MQTT: MQTT{
			Servers:         []string{"wss://broker:9001/mqtt"},
			ClientID:        "me",
			Username:        "u",
			Password:        "p$$w",
			KeepAlive:       5 * time.Second,
			ConnectTimeout:  2 * time.Second,
			ReconnectPeriod: 250 * time.Millisecond,
			CA:              []string{at("ca.crt")},
			Cert:            []string{at("client.crt")},
			Key:             []string{at("client.key")},
		},
		MySQL: MySQL{
			Host:           "db",
			Port:           3307,
			SocketPath:     at("mysqld.sock"),
			User:           "s",
			Password:       "q",
			Database:       "shop",
			Charset:        "utf8mb4",
			Timezone:       "+02:00",
			ConnectTimeout: 500 * time.Millisecond,
			LocalAddress:   "10.0.0.5",
			TLS: &TLS{
				CA:                 []string{at("ca.crt")},
				Cert:               []string{at("client.crt")},
				Key:                []string{at("client.key")},
				RejectUnauthorized: true,
			},
		},
	}
	if got := load(t, path); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestFormatsAreAlike(t *testing.T) {
	want := load(t, write(t, least(block{"checkInterval": 5})))
	for name, text := range map[string]string{
		"c.yaml": "clientName: berlin\nremoteClients: [hamburg]\nsyncTables:\n- orders\ncheckInterval: 5\n" +
			"mqttConfig: {host: broker}\nmysqlConfig:\n  user: sync\n  database: shop\n",
		"c.yml": "clientName: berlin\nremoteClients: [hamburg]\nsyncTables: [orders]\ncheckInterval: 5\n" +
			"mqttConfig: {host: broker}\nmysqlConfig: {user: sync, database: shop}\n",
		"c.TOML": "clientName = 'berlin'\nremoteClients = ['hamburg']\nsyncTables = ['orders']\ncheckInterval = 5\n" +
			"[mqttConfig]\nhost = 'broker'\n[mysqlConfig]\nuser = 'sync'\ndatabase = 'shop'\n",
		"bom.json": "\xef\xbb\xbf" + `{"clientName": "berlin", "remoteClients": ["hamburg"], "syncTables": ["orders"],
			"checkInterval": 5, "mqttConfig": {"host": "broker"}, "mysqlConfig": {"user": "sync", "database": "shop"}}`,
	} {
		got := load(t, writeText(t, name, text))
		got.QueueDirectory = want.QueueDirectory // is beside each file
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", name, got, want)
		}
	}
}

func TestAcceptance(t *testing.T) {
	for _, rule := range []struct {
		name   string
		accept []string
		who    string
		want   bool
	}{
		{"remotes are accepted if acceptFrom is not set", nil, "hamburg", true},
		{"strangers are not", nil, "paris", false},
		{"acceptFrom replaces remoteClients", []string{"paris"}, "hamburg", false},
		{"a client of acceptFrom is accepted", []string{"paris"}, "paris", true},
		{"the star accepts anyone", []string{Anyone}, "stranger", true},
		{"nobody must use the node's own name", []string{Anyone}, "berlin", false},
	} {
		k := least(block{"receiveTables": []string{"orders", "items"}})
		if rule.accept != nil {
			k["acceptFrom"] = rule.accept
		}
		c := load(t, write(t, k))
		if got := c.AcceptsFrom(rule.who); got != rule.want {
			t.Errorf("%s: got %v", rule.name, got)
		}
		if !c.Syncs("orders") || c.Syncs("items") || !c.Receives("items") || !c.Bidirectional("orders") || c.Bidirectional("items") {
			t.Errorf("%s: tables are not distinguished", rule.name)
		}
	}
}

func TestTimeZonesAreNormalized(t *testing.T) {
	for text, want := range map[string]string{
		"Z": "Z", "UTC": "Z", "local": "local", "+02:00": "+02:00", "-0330": "-03:30", "+14": "+14:00",
	} {
		path := write(t, least(block{"mysqlConfig": block{"user": "s", "database": "d", "timezone": text}}))
		if got := load(t, path).MySQL.Timezone; got != want {
			t.Errorf("%s became %q, want %q", text, got, want)
		}
	}
}

func TestSSLIsABlockOrASwitch(t *testing.T) {
	for _, rule := range []struct {
		ssl  any
		want *TLS
	}{
		{nil, nil},
		{false, nil},
		{true, &TLS{RejectUnauthorized: true}},
		{block{}, &TLS{RejectUnauthorized: true}},
		{block{"rejectUnauthorized": "false"}, &TLS{}},
	} {
		path := write(t, least(block{"mysqlConfig": block{"user": "s", "database": "d", "ssl": rule.ssl}}))
		if got := load(t, path).MySQL.TLS; !reflect.DeepEqual(got, rule.want) {
			t.Errorf("%v became %v, want %v", rule.ssl, got, rule.want)
		}
	}
}

// The broker knows clients by identifier only, whichever mesh they belong to.
func TestClientIdentifierHasThePrefix(t *testing.T) {
	for prefix, want := range map[string]string{"": "mysql-sync-berlin", "acme": "mysql-sync-acme:berlin", "/acme/eu": "mysql-sync-:acme:eu:berlin"} {
		c := load(t, write(t, least(block{"topicPrefix": prefix})))
		if c.MQTT.ClientID != want || c.TopicPrefix != prefix {
			t.Errorf("with the prefix %q the identifier is %q and the prefix %q", prefix, c.MQTT.ClientID, c.TopicPrefix)
		}
	}
}
