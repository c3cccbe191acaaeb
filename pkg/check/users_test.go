package check_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Logins of the embedded broker that may use all topics are reported, and no others.
func TestLoginsWithoutAClientAreReported(t *testing.T) {
	file := testkit.ConfigFile(t, map[string]any{
		"clientName": "node-a", "remoteClients": []string{"node-b"}, "syncTables": []string{"orders"},
		"mysqlConfig": map[string]any{"user": "u", "database": "d"},
		"broker": map[string]any{"listen": "127.0.0.1:1883", "users": []map[string]any{
			{"username": "alpha", "password": "a secret", "client": "node-a"}, {"username": "beta", "password": "another"}}},
	})
	_, found, err := check.Configuration(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, x := range found {
		if x.About == "broker.users" {
			told++
			if x.Level != finding.Warning || !strings.Contains(x.Text, "beta") || strings.Contains(x.Text, "alpha") {
				t.Errorf("%+v", x)
			}
		}
	}
	if told != 1 {
		t.Errorf("the logins are reported %d times: %+v", told, found)
	}
}
