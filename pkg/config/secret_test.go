package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestEnvironmentOverrides(t *testing.T) {
	path := write(t, least(block{"mqttConfig": block{"host": "broker", "password": block{"file": "nope"}}}))
	c := load(t, path,
		"PATH=/bin", "MYSQL_SYNC_SERVICE_HOST=10.0.0.1", "MYSQL_SYNC_PORT=tcp://10.0.0.1:80",
		"MYSQL_SYNC_REMOTECLIENTS= paris, rome ",
		`MYSQL_SYNC_RECEIVETABLES=["a,b"]`,
		"MYSQL_SYNC_CHECKINTERVAL=7",
		`MYSQL_SYNC_MQTTCONFIG__PASSWORD={"p$${w"`,
		"MYSQL_SYNC_mqttConfig__Clean=false",
		`MYSQL_SYNC_MQTTCONFIG__SERVERS=[{"host": "b1"}, {"host": "b2", "port": 5}]`,
		"MYSQL_SYNC_MYSQLCONFIG__SSL=true",
	)
	got := fmt.Sprintln(c.RemoteClients, c.ReceiveTables, c.CheckInterval, c.MQTT.Password, c.MQTT.Clean, c.MQTT.Servers, c.MySQL.TLS != nil)
	if want := `[paris rome] [a,b] 7ms {"p$${w" false [tcp://b1:1883 tcp://b2:5] true` + "\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}

	refused(t, path, []string{"MYSQL_SYNC_MQTTCONFIG__PASWORD=x", "MYSQL_SYNC_SYNCTABLES=[x", "MYSQL_SYNC_CHECKINTERVAL=fast"},
		`MYSQL_SYNC_MQTTCONFIG__PASWORD: unknown key in mqttConfig; did you mean "password"?`,
		`checkInterval: "fast" is not a number`,
		`mqttConfig.password.file: open `+filepath.Join(filepath.Dir(path), "nope")+`: no such file or directory`,
		`syncTables: the variable MYSQL_SYNC_SYNCTABLES begins like JSON but is not valid JSON`,
	)
	refused(t, write(t, least(nil)), []string{"MYSQL_SYNC_MQTTCONFIG__PASSWORD=x", "MYSQL_SYNC_MQTTCONFIG__PASSWORD__FILE=y"},
		`mqttConfig.password.file: the variables MYSQL_SYNC_MQTTCONFIG__PASSWORD and MYSQL_SYNC_MQTTCONFIG__PASSWORD__FILE contradict each other; unset one of them`)
}

func TestReferencesToTheEnvironment(t *testing.T) {
	for text, want := range map[string]string{
		"${A}":        "hunter2",
		"x${A}y${A}":  "xhunter2yhunter2",
		"$${A}":       "${A}",
		"$A $$ pa$$w": "$A $$ pa$$w", // existing passwords stay as they are
		"${EMPTY}":    "",
	} {
		path := write(t, least(block{"mqttConfig": block{"password": text}}))
		if got := load(t, path, "A=hunter2", "EMPTY=").MQTT.Password; got != want {
			t.Errorf("%s became %q, want %q", text, got, want)
		}
	}
	path := write(t, least(block{"checkInterval": "${MS}", "mqttConfig": block{"password": "${A}${B}"}}))
	refused(t, path, []string{"MS=fast"},
		`checkInterval: "${MS}" is not a number`,
		`mqttConfig.password: refers to A, B, which is not set in the environment`)
	if got := load(t, path, "MS=20", "A=", "B=").CheckInterval.Milliseconds(); got != 20 {
		t.Errorf("checkInterval is %d ms", got)
	}
}

func TestSecretFile(t *testing.T) {
	for content, want := range map[string]string{"hunter2\n": "hunter2", "hunter2\r\n": "hunter2", " ${A} ": " ${A} "} {
		path := write(t, least(block{"mysqlConfig": block{"user": "s", "database": "d", "password": block{"file": "secret"}}}))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "secret"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := load(t, path).MySQL.Password; got != want {
			t.Errorf("%q became %q", content, got)
		}
	}
}

// Wherever a secret is in a broken file, the error does not repeat it.
func TestMistakesKeepSecrets(t *testing.T) {
	const secret = "31415926535897932384"
	for name, text := range map[string]string{
		"block.json":   `{"mqttConfig": "mqtt://u:SECRET@h", "mysqlConfig": "mysql://u:SECRET@h"}`,
		"number.json":  `{"mqttConfig": {"password": SECRET}, "mysqlConfig": {"password": [SECRET]}}`,
		"users.json":   `{"broker": {"listen": "u:SECRET@h:1", "users": ["u:SECRET", {"password": {"fil": "SECRET"}}]}}`,
		"listen.json":  `{"broker": {"listen": "SECRET@h:1"}, "mysqlConfig": {"charset": "x@SECRET", "localAddress": "SECRET@h"}}`,
		"url.json":     `{"mqttConfig": {"host": "mqtt://u:SECRET@h:port"}}`,
		"scheme.json":  `{"mqttConfig": {"host": "http://u:SECRET@h", "protocol": "mqtt://u:SECRET@h", "port": "u:SECRET@h"}}`,
		"userpw.json":  `{"mqttConfig": {"host": "u:SECRET@h"}, "mysqlConfig": {"host": "u:SECRET@h"}}`,
		"servers.json": `{"mqttConfig": {"servers": ["mqtt://u:SECRET@h"]}}`,
		"environ.json": `{"checkInterval": "${PASSWORD}", "loggingLevel": "${PASSWORD}", "clientName": "${PASSWORD}${PASSWORD}"}`,
		"pem.json":     `{"mqttConfig": {"ca": "-----BEGIN PRIVATE KEY-----SECRET"}}`,
		"key.json":     `{"encryption": {"keys": [{"id": "k", "key": "SECRET"}, {"id": "SECRET@", "key": ["SECRET"]}, "SECRET"]}}`,
		"open.json":    `{"mqttConfig": {"password": "SECRET`,
		"bare.json":    `{"mqttConfig": {"password": xSECRET}}`,
		"anchor.yaml":  `{mqttConfig: {password: *SECRET}}`,
		"text.yaml":    `u:SECRET`,
		"tag.yaml":     `mqttConfig: {password: !SECRET x`,
		"int.yaml":     `mqttConfig: {password: !!int xSECRET}`,
		"number.toml":  "[mqttConfig]\npassword = SECRET",
		"zero.toml":    "[mqttConfig]\npassword = 0SECRET",
		"bare.toml":    "[mqttConfig]\npassword = xSECRET",
		"open.toml":    "[mqttConfig]\npassword = 'SECRET",
	} {
		_, warnings, err := Load(writeText(t, name, strings.ReplaceAll(text, "SECRET", secret)), []string{"PASSWORD=" + secret})
		if err == nil {
			t.Errorf("%s: no mistake was found", name)
			continue
		}
		// Part of a secret is a secret.
		if told := err.Error() + strings.Join(warnings, ""); strings.Contains(told, secret[:6]) {
			t.Errorf("%s: the secret is in %s", name, told)
		}
	}
}

func TestPrintingKeepsSecrets(t *testing.T) {
	c := load(t, write(t, least(block{
		"mqttConfig":  block{"host": "wss://u:hunter2@h/x?token=hunter2"},
		"mysqlConfig": block{"user": "s", "database": "shop", "password": "hunter2", "ssl": true},
		"broker":      block{"listen": "127.0.0.1:1883", "users": []any{block{"username": "u", "password": "hunter2"}}},
		"encryption":  block{"keys": []any{block{"id": "k", "key": sealKey}}},
	})))
	if c.MQTT.Password != "hunter2" || c.MySQL.Password != "hunter2" || c.Broker.Users[0].Password != "hunter2" {
		t.Fatalf("the passwords are missing: %v", c)
	}
	e := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logged, err := e.EncodeEntry(zapcore.Entry{}, []zap.Field{
		zap.Object("a", c), zap.Any("b", c), zap.Any("c", *c), zap.Stringer("d", c), zap.Any("e", c.MQTT),
	})
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{logged.String()}
	for _, v := range []any{c, *c, c.MQTT, c.MySQL, c.Broker, c.Broker.Users, c.Encryption, c.Encryption.Keys} {
		printed = append(printed, fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s", v, v, v, v))
	}
	for _, s := range printed {
		if strings.Contains(s, "hunter2") || strings.Contains(s, sealKey[:8]) || strings.Contains(s, "1 2 3 4") || strings.Contains(s, "01020304") {
			t.Errorf("the password is in %s", s)
		}
	}
	if !strings.Contains(printed[0], "berlin") || !strings.Contains(c.String(), "shop") {
		t.Errorf("a value that is not secret is hidden: %s", printed)
	}
}
