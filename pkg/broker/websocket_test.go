package broker_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestPagesOfOtherSitesGetNoWebsocket(t *testing.T) {
	certs := testkit.Certs(t)
	open := config.Broker{Page: "0.0.0.0:8484"}
	secure := config.Broker{Page: "0.0.0.0:8484", Cert: certs.ServerCert, Key: certs.ServerKey}
	listed := config.Broker{WSOrigins: []string{"https://app.example.com", "http://app.example.com:3000"}}
	for name, x := range map[string]struct {
		c            config.Broker
		host, origin string // {port} is the websockets' port
		ok           bool
	}{
		"a program without an origin":                 {open, "127.0.0.1:{port}", "", true},
		"a program without an origin, by name":        {open, "node.example:{port}", "", true},
		"another site":                                {open, "127.0.0.1:{port}", "https://evil.example", false},
		"another site on the same port":               {open, "127.0.0.1:{port}", "http://evil.example:{port}", false},
		"a name rebound to this machine":              {open, "evil.example:{port}", "http://evil.example:{port}", false},
		"the same with the page's port":               {open, "evil.example:{port}", "http://evil.example:8484", false},
		"a page without an origin":                    {open, "127.0.0.1:{port}", "null", false},
		"a file":                                      {open, "127.0.0.1:{port}", "file://", false},
		"no origin at all":                            {open, "127.0.0.1:{port}", "127.0.0.1", false},
		"the node's page":                             {open, "127.0.0.1:{port}", "http://127.0.0.1:8484", true},
		"the node's page by another name of loopback": {open, "127.0.0.1:{port}", "http://localhost:8484", true},
		"the node's page at an address":               {open, "192.0.2.1:{port}", "http://192.0.2.1:8484", true},
		"a page at another address":                   {open, "192.0.2.1:{port}", "http://192.0.2.2:8484", false},
		"another page of the same machine":            {open, "127.0.0.1:{port}", "http://127.0.0.1:3000", false},
		"a page that the broker's port served":        {open, "127.0.0.1:{port}", "http://127.0.0.1:{port}", true},
		"a name with a certificate":                   {secure, "node.example:{port}", "https://node.example:8484", true},
		"another name with a certificate":             {secure, "node.example:{port}", "https://evil.example:8484", false},
		"a listed page":                               {listed, "127.0.0.1:{port}", "https://app.example.com", true},
		"the same in capitals":                        {listed, "127.0.0.1:{port}", "HTTPS://App.example.com:443", true},
		"the same with another scheme":                {listed, "127.0.0.1:{port}", "http://app.example.com", false},
		"a listed page with a port":                   {listed, "127.0.0.1:{port}", "http://app.example.com:3000", true},
		"one with a listed prefix":                    {listed, "127.0.0.1:{port}", "https://app.example.com.evil.example", false},
		"anybody":                                     {config.Broker{WSOrigins: []string{"*"}}, "127.0.0.1:{port}", "null", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.c.Listen, x.c.WSListen = "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
			_, _, logs := run(t, x.c)
			_, number, err := net.SplitHostPort(x.c.WSListen)
			if err != nil {
				t.Fatal(err)
			}
			scheme := "ws"
			if x.c.Cert != "" {
				scheme = "wss"
			}
			here := strings.NewReplacer("{port}", number)
			header := http.Header{"Host": {here.Replace(x.host)}}
			if x.origin != "" {
				header.Set("Origin", here.Replace(x.origin))
			}
			dialer := websocket.Dialer{Subprotocols: []string{"mqtt"}, TLSClientConfig: certs.Client()}
			c, answer, err := dialer.Dial(scheme+"://"+x.c.WSListen, header)
			if err == nil {
				_ = c.Close()
			}
			if x.ok != (err == nil) {
				t.Errorf("%q of %q: %v", header.Get("Origin"), header.Get("Host"), err)
			}
			told := logs.FilterMessage("refused a web page from another origin").Len() == 1
			if !x.ok && (answer == nil || answer.StatusCode != http.StatusForbidden || !told) {
				t.Errorf("answer %v, logged %t", answer, told)
			}
		})
	}
}
