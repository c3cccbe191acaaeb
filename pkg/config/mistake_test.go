package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func TestAllMistakesAtOnce(t *testing.T) {
	path := writeText(t, "configuration.json", `{
		"clientName": "a b", "clientname": "x", "remoteClients": ["x", "paris", "paris"], "checkInterval": "fast",
		"loggingLevel": "loud", "syncTables": ["", "orders"],
		"mqttConfig": {"hots": "broker", "keepalive": 1.5, "clean": 3, "servers": [{"port": 0}]},
		"mysqlConfig": {"user": "${NOPE}", "pasword": "p", "port": 70000, "ssl": {"ca": 5}, "localAddress": "here"}
	}`)
	refused(t, path, nil,
		`checkInterval: "fast" is not a number`,
		`clientName: "a b" is not a name of 2 to 32 letters, digits, - or _`,
		`clientname: unknown key in the configuration; did you mean "clientName"?`,
		`loggingLevel: "loud" is not one of error, warn, info, debug, trace`,
		`mqttConfig.clean: 3 is not true or false`,
		`mqttConfig.hots: unknown key in mqttConfig; did you mean "host"?`,
		`mqttConfig.keepalive: 1.5 is not a whole number`,
		`mqttConfig.servers[0].host: is missing: host of the broker, or a whole URL`,
		`mqttConfig.servers[0].port: 0 is less than 1`,
		`mysqlConfig.database: is missing: database that holds the tables`,
		`mysqlConfig.localAddress: "here" is not an IP address`,
		`mysqlConfig.pasword: unknown key in mysqlConfig; did you mean "password"?`,
		`mysqlConfig.port: 70000 is greater than 65535`,
		`mysqlConfig.ssl.ca: a number is not the path of a PEM file, or a list of paths; put it in quotes`,
		`mysqlConfig.user: refers to NOPE, which is not set in the environment`,
		`remoteClients[0]: "x" is not a name of 2 to 32 letters, digits, - or _, or a pattern such as store-*`,
		`remoteClients[2]: "paris" is listed twice; remove one`,
		`syncTables[0]: is empty`,
	)
}

func TestMistakes(t *testing.T) {
	for _, rule := range []struct {
		name   string
		change block
		want   string
	}{
		{"the poll has a minimum interval", block{"checkInterval": 0}, `checkInterval: 0 is less than 1`},
		{"a prefix has no wildcards", block{"topicPrefix": "acme/+"}, `topicPrefix: "acme/+" is not names of letters, digits, - or _, separated by slashes`},
		{"a prefix does not end with a slash", block{"topicPrefix": "acme/"},
			`topicPrefix: "acme/" is not names of letters, digits, - or _, separated by slashes`},
		{"a prefix is not one of the broker's own", block{"topicPrefix": "$SYS"},
			`topicPrefix: "$SYS" is not names of letters, digits, - or _, separated by slashes`},
		{"a prefix has a maximum length", block{"topicPrefix": strings.Repeat("x", 129)}, `topicPrefix: is longer than 128 characters`},
		{"a prefix is not a topic of another mesh", block{"topicPrefix": "acme/node"},
			`topicPrefix: "acme/node" contains "node", which the protocol's own topics start with; use another`},
		{"the status page is not open to other machines", block{"http": block{"listen": "0.0.0.0:8484"}},
			`http.listen: "0.0.0.0:8484" is reachable from other machines; set http.token, or listen on 127.0.0.1`},
		{"an address without a host is reachable from other machines", block{"http": block{"listen": ":8484"}},
			`http.listen: ":8484" is reachable from other machines; set http.token, or listen on 127.0.0.1`},
		{"a token cannot be short", block{"http": block{"listen": "0.0.0.0:8484", "token": "fifteen-letters"}},
			`http.token: is shorter than 16 characters; use random ones, for example from openssl rand -hex 24`},
		{"a token from an empty variable", block{"http": block{"listen": "127.0.0.1:8484", "token": ""}},
			`http.token: is shorter than 16 characters; use random ones, for example from openssl rand -hex 24`},
		{"a token is not a manifest's placeholder", block{"http": block{"listen": "0.0.0.0:8484", "token": "choose-one-of-at-least-16-characters"}},
			`http.token: is a well-known placeholder; use random characters, for example from openssl rand -hex 24`},
		{"a token is not like a placeholder", block{"http": block{"listen": "127.0.0.1:8484", "token": "CHANGE_ME please, now"}},
			`http.token: is a well-known placeholder; use random characters, for example from openssl rand -hex 24`},
		{"a broker password is not a placeholder", block{"broker": block{"listen": "127.0.0.1:1883", "users": []any{block{"username": "u", "password": "choose-one"}}}},
			`broker.users[0].password: is a well-known placeholder; use random characters, for example from openssl rand -hex 24`},
		{"a token fits into a header", block{"http": block{"listen": "127.0.0.1:8484", "token": "sixteen letters, ä"}},
			`http.token: has characters not allowed in an HTTP header; use letters and digits`},
		{"a certificate has its key", block{"http": block{"listen": "127.0.0.1:8484", "cert": "server.crt"}},
			`http.key: is missing; it must be the private key for http.cert`},
		{"a key has its certificate", block{"http": block{"listen": "127.0.0.1:8484", "key": "server.key"}},
			`http.cert: is missing; it must be the certificate for http.key`},
		{"an HTTP server has a port", block{"http": block{"listen": "localhost:99999"}}, `http.listen: 99999 is not a port between 1 and 65535`},
		{"a node does not send to itself", block{"remoteClients": []string{"berlin"}},
			`remoteClients: "berlin" is this node's own name (clientName); remove it`},
		{"a node does not accept its own changes", block{"acceptFrom": []string{"berlin"}},
			`acceptFrom: "berlin" is this node's own name (clientName); remove it`},
		{"a node has something to do", block{"syncTables": []string{}},
			`syncTables: is empty, and so is receiveTables; name a table in at least one of them`},
		{"somebody must be accepted", block{"remoteClients": nil, "receiveTables": []string{"orders"}},
			`acceptFrom: is missing, and so is remoteClients: no changes for receiveTables would be accepted; name the clients, or write ["*"] for anyone`},
		{"an empty acceptFrom is not anyone", block{"acceptFrom": []string{}, "receiveTables": []string{"orders"}},
			`acceptFrom: is empty, so no changes for receiveTables would be accepted; name the clients, or omit it to accept those of remoteClients`},
		{"a table has a name that MySQL allows", block{"syncTables": []string{strings.Repeat("ä", 65)}},
			`syncTables[0]: is longer than 64 characters`},
		{"a table is listed once", block{"receiveTables": []string{"orders", "orders"}},
			`receiveTables[1]: "orders" is listed twice; remove one`},
		{"an empty list entry is not a table", block{"receiveTables": []any{nil}}, `receiveTables[0]: is empty; remove it`},
		{"a list is a list", block{"syncTables": "orders"}, `syncTables: a string is not a list`},
		{"the broker must be known", block{"mqttConfig": nil},
			`mqttConfig: is missing: say where the broker is, or set broker.listen to run one in this node`},
		{"the database must be known", block{"mysqlConfig": nil}, `mysqlConfig: is missing: how to reach the database`},
		{"a time zone is known", block{"mysqlConfig": block{"user": "s", "database": "d", "timezone": "Berlin"}},
			`mysqlConfig.timezone: "Berlin" is not Z, local or an offset such as +02:00`},
		{"a host has no port in it", block{"mysqlConfig": block{"user": "s", "database": "d", "host": "db:3307"}},
			`mysqlConfig.host: contains a port; put it in the key port`},
		{"a broker's host has no port in it", block{"mqttConfig": block{"host": "broker:1883"}},
			`mqttConfig.host: contains a port; put it in the key port`},
		{"a broker's host is not a path", block{"mqttConfig": block{"host": "broker/x"}},
			`mqttConfig.host: is not a host name or address`},
		{"a protocol is known", block{"mqttConfig": block{"host": "broker", "protocol": "http"}},
			`mqttConfig.protocol: "http" is not one of mqtt, mqtts, tcp, ssl, tls, ws, wss, wx, wxs`},
		{"a broker's URL is for MQTT", block{"mqttConfig": block{"host": "http://broker"}},
			`mqttConfig.host: has an unknown protocol; use one of mqtt, mqtts, ws, wss`},
		{"a broker's URL has a valid port", block{"mqttConfig": block{"host": "mqtt://broker:99999"}},
			`mqttConfig.host: has a port that is not between 1 and 65535`},
		{"a server's mistake names the server", block{"mqttConfig": block{"servers": []any{block{"host": "b1"}, block{"host": "mqtt://"}}}},
			`mqttConfig.servers[1].host: is not a valid URL; write it as mqtts://broker.example.com:8883`},
		{"an origin has no path", block{"broker": block{"listen": "127.0.0.1:1883", "wsOrigins": []string{"https://app.example.com", "https://app.example.com/"}}},
			`broker.wsOrigins[1]: "https://app.example.com/" is not a web origin such as https://app.example.com`},
		{"an origin has a scheme", block{"broker": block{"listen": "127.0.0.1:1883", "wsOrigins": []string{"app.example.com"}}},
			`broker.wsOrigins[0]: "app.example.com" is not a web origin such as https://app.example.com`},
		{"a policy is for a listed table", block{"conflictPolicy": block{"order": "lastWriteWins"}},
			`conflictPolicy.order: is not in syncTables or receiveTables; did you mean "orders"?`},
		{"a counter's table is listed", block{"counters": block{"order": []string{"amount"}}}, `counters.order: is not in syncTables or receiveTables; did you mean "orders"?`},
		{"a counter is a column", block{"counters": block{"orders": []string{}}}, `counters.orders: lists 0; at least 1 are needed`},
		{"a counter is listed once", block{"counters": block{"orders": []string{"amount", "Amount"}}}, `counters.orders: has "Amount" twice, which differ only in case: the server takes them for one column`},
		{"a table with counters is merged", block{"counters": block{"orders": []string{"amount"}}, "conflictPolicy": block{"orders": "lastWriteWins"}},
			`conflictPolicy.orders: a table with counters is merged: write "merge", or remove it, or remove the table from counters`},
		{"a policy is known", block{"conflictPolicy": block{"orders": "priority"}},
			`conflictPolicy.orders: "priority" is not lastWriteWins, merge, script or {"priority": clients}`},
		{"a policy is not a number", block{"conflictPolicy": block{"orders": 5}},
			`conflictPolicy.orders: a number is not lastWriteWins, merge, script or {"priority": clients}; put it in quotes`},
		{"a policy is not empty", block{"conflictPolicy": block{"orders": nil}}, `conflictPolicy.orders: is empty; remove it`},
		{"priority lists clients", block{"conflictPolicy": block{"orders": block{"priority": []string{}}}},
			`conflictPolicy.orders.priority: is empty; list the clients, the one that wins first`},
		{"a policy's block has its key", block{"conflictPolicy": block{"orders": block{}}},
			`conflictPolicy.orders.priority: is missing: clients, highest priority first; clients not listed come last`},
		{"a policy's block has no other key", block{"conflictPolicy": block{"orders": block{"priority": []string{"hq"}, "x": 1}}},
			`conflictPolicy.orders.x: unknown key in conflictPolicy.orders; remove it`},
		{"priority is given once", block{"conflictPolicy": block{"orders": block{"priority": []string{"hq", "hq"}}}},
			`conflictPolicy.orders.priority[1]: "hq" is listed twice; remove one`},
		{"priority is given to clients", block{"conflictPolicy": block{"orders": block{"priority": []string{"h q"}}}},
			`conflictPolicy.orders.priority[0]: "h q" is not a name of 2 to 32 letters, digits, - or _`},
		{"a script policy has a script directory", block{"conflictPolicy": block{"orders": "script"}},
			`conflictPolicy.orders: "script" requires transformerDirectory, where the table's file must export resolve`},
	} {
		t.Run(rule.name, func(t *testing.T) { refused(t, write(t, least(rule.change)), nil, rule.want) })
	}
}

func TestUnreadableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nope.json")
	if _, _, err := Load(path, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	path = writeText(t, "transformer", "")
	refused(t, write(t, least(block{"transformerDirectory": path})), nil, "transformerDirectory: "+path+" is not a directory")
	path += ".not"
	refused(t, write(t, least(block{"transformerDirectory": path})), nil, "transformerDirectory: stat "+path+": no such file or directory")
	path = writeText(t, "large", strings.Repeat(" ", keys.MaxFile+1))
	refused(t, write(t, least(block{"mqttConfig": block{"password": block{"file": path}}})), nil,
		"mqttConfig.password.file: read "+path+": larger than 1048576 bytes")
}

func TestSyntax(t *testing.T) {
	for name, rule := range map[string]struct{ text, want string }{
		"c.json":    {"{\n \"clientName\": x\n}", "line 2, column 16: invalid character 'x' looking for beginning of value"},
		"end.json":  {"{", "line 1, column 1: unexpected end of JSON input"},
		"list.json": {"[]", "is not an object of keys and values; see docs/configuration.md"},
		"text.yaml": {"hunter2", "is not an object of keys and values; see docs/configuration.md"},
		"c.toml":    {"a = 1\nb = \n", "line 2, column 5: toml: incomplete number"},
	} {
		path := writeText(t, name, rule.text)
		refused(t, path, nil, path+": "+rule.want)
	}
}

func TestWarnings(t *testing.T) {
	for _, rule := range []struct {
		name   string
		change block
		want   []string
	}{
		{"ignored keys are reported once per block", block{
			"mqttConfig":  block{"host": "b", "will": block{"topic": "x"}, "resubscribe": true},
			"mysqlConfig": block{"user": "s", "database": "d", "typeCast": false, "debug": []string{}, "ssl": block{"pfx": "x"}},
		}, []string{
			"mqttConfig: ignored keys: resubscribe, will",
			"mysqlConfig: ignored keys: debug, typeCast",
			"mysqlConfig.ssl: ignored keys: pfx",
		}},
		{"tables sent to nobody", block{"remoteClients": nil},
			[]string{"remoteClients: is empty: changes to syncTables are not sent anywhere"}},
		{"a token that others can read", block{"http": block{"listen": "0.0.0.0:8484", "token": "0123456789abcdef"}},
			[]string{"http.token: is sent in the clear because http.cert is not set; use TLS, or a proxy that does"}},
		{"a node that would not reconnect", block{"mqttConfig": block{"reconnectPeriod": 0}},
			[]string{"mqttConfig.reconnectPeriod: 0 is treated as 1000: a lost connection is always re-established"}},
		{"a character set that cannot hold every character", block{"mysqlConfig": block{"user": "s", "database": "d", "charset": "LATIN1_SWEDISH_CI"}},
			[]string{`mysqlConfig.charset: "LATIN1_SWEDISH_CI" is ignored: the connection always uses utf8mb4, which can hold every character`}},
	} {
		c, got, err := Load(write(t, least(rule.change)), nil)
		if err != nil {
			t.Errorf("%s: %v", rule.name, err)
			continue
		}
		if strings.Join(got, "\n") != strings.Join(rule.want, "\n") {
			t.Errorf("%s: got %q", rule.name, got)
		}
		if c.MQTT.ReconnectPeriod <= 0 {
			t.Errorf("%s: reconnects after %v", rule.name, c.MQTT.ReconnectPeriod)
		}
	}
}
