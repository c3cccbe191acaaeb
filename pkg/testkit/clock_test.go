package testkit_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestServerAndNodeUseTheClock(t *testing.T) {
	t.Parallel()
	c := testkit.NewClock(t)
	server := testkit.MariaDB(t)
	c.Server(server)
	db := server.Open(t, "")
	node := c.Node(testkit.ConfigFile(t, map[string]any{
		"clientName": "berlin", "remoteClients": []string{"boston"}, "syncTables": []string{"orders"},
		"checkInterval": 1,
		"mqttConfig":    map[string]any{"host": "127.0.0.1", "port": 1, "reconnectPeriod": 100},
		"mysqlConfig":   map[string]any{"host": "127.0.0.1", "port": 1, "user": "root", "database": "shop"},
	}))
	for _, ahead := range []time.Duration{-time.Hour, 0} {
		c.Set(ahead)
		testkit.Eventually(t, "the server to use the clock", func() error {
			var text string
			if err := db.Get(&text, "SELECT DATE_FORMAT(NOW(), '%Y-%m-%dT%T')"); err != nil {
				return err
			}
			return near(text, ahead)
		})
		node.Start()
		testkit.Eventually(t, "the node to use the clock", func() error {
			all := node.Log()
			if len(all) == 0 {
				return errors.New("it has logged nothing")
			}
			return near(stamp.FindString(all[len(all)-1]), ahead)
		})
	}
}

// stamp is the start of a log line.
var stamp = regexp.MustCompile(`^\d+-\d+-\d+T\d+:\d+:\d+`)

// near checks that a time differs from the machine's by as much as it should.
func near(text string, ahead time.Duration) error {
	at, err := time.ParseInLocation("2006-01-02T15:04:05", text, time.Local)
	if err == nil && time.Until(at.Add(-ahead)).Abs() > 20*time.Minute {
		err = fmt.Errorf("it is %s there", text)
	}
	return err
}
