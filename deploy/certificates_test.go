package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// With the certificates of scripts/make-certs.sh, a node speaks TLS to mosquitto/tls.conf and to
// its database, and shows both a certificate.
func TestNodesUseTheScriptsCertificates(t *testing.T) {
	dir := t.TempDir()
	run(t, "../scripts/make-certs.sh", dir, "localhost,127.0.0.1", "berlin", "boston")
	file := func(name string) string { return filepath.Join(dir, name) }

	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	port := testkit.FreePort(t)
	conf := strings.NewReplacer(
		"listener 8883", fmt.Sprintf("listener %d 127.0.0.1\nuser %s", port, me.Username),
		"/etc/mosquitto/certs/", dir+"/",
		"require_certificate false", "require_certificate true\nuse_identity_as_username true",
		"password_file /etc/mosquitto/passwordfile\n", "",
		"/etc/mosquitto/acl.txt", absolute(t, "../mosquitto/acl.txt"),
	).Replace(read(t, "../mosquitto/tls.conf"))
	write(t, file("tls.conf"), conf, 0o600)
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin") // where Debian keeps servers
	broker, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Fatalf("%v; scripts/install-deps.sh installs it", err)
	}
	testkit.Process(t, func() *exec.Cmd { return exec.Command(broker, "-c", file("tls.conf")) })

	const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100))`
	var dbs []interface {
		Get(to any, query string, args ...any) error
	}
	for _, site := range []string{"berlin", "boston"} {
		server := testkit.Server(t, "--ssl-ca="+file("ca.crt"), "--ssl-cert="+file("server.crt"), "--ssl-key="+file("server.key"))
		name := server.Create(t)
		db := server.Open(t, name)
		user := "sync_" + site
		for _, q := range []string{orders, "CREATE USER " + user + "@'%' REQUIRE X509", "GRANT ALL ON " + name + ".* TO " + user + "@'%'",
			"INSERT INTO orders VALUES (" + strconv.Itoa(len(dbs)) + ", '" + site + "')"} {
			if _, err := db.Exec(q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
		dbs = append(dbs, db)
		other := map[string]string{"berlin": "boston", "boston": "berlin"}[site]
		shows := func(more map[string]any) map[string]any {
			more["ca"], more["cert"], more["key"] = file("ca.crt"), file(site+".crt"), file(site+".key")
			return more
		}
		n := testkit.Node(t, testkit.ConfigFile(t, map[string]any{
			"clientName": site, "remoteClients": []string{other}, "syncTables": []string{"orders"}, "receiveTables": []string{"orders"},
			"checkInterval": 10,
			"mqttConfig":    shows(map[string]any{"host": "localhost", "port": port, "protocol": "mqtts"}),
			"mysqlConfig": map[string]any{"host": "localhost", "port": server.Port, "user": user, "database": name,
				"ssl": shows(map[string]any{})},
		}))
		n.WaitLog("node started")
	}
	for i, db := range dbs {
		testkit.Eventually(t, "both rows", func() error {
			var count int
			if err := db.Get(&count, `SELECT COUNT(*) FROM orders`); err != nil {
				return err
			}
			if count != 2 {
				return fmt.Errorf("site %d has %d rows", i, count)
			}
			return nil
		})
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
