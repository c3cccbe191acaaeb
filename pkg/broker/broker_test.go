package broker_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/broker"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// run starts a broker and returns its address, a function that ends it, and its log.
func run(t testing.TB, c config.Broker) (addr string, stop func(), logs *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	b, err := broker.New(zap.New(core), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = func() {
		if ctx.Err() != nil {
			return
		}
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("Run does not end")
		}
	}
	t.Cleanup(stop)
	limited, over := context.WithTimeout(ctx, time.Minute)
	defer over()
	if addr, err = b.Addr(limited); err != nil {
		t.Fatal(err)
	}
	return addr, stop, logs
}

// connect connects a paho client, and returns why the broker refused it.
func connect(t testing.TB, server string, adapt func(*mqtt.ClientOptions)) (mqtt.Client, error) {
	t.Helper()
	o := mqtt.NewClientOptions().AddBroker(server).SetClientID("client").SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectTimeout(30 * time.Second)
	if adapt != nil {
		adapt(o)
	}
	c := mqtt.NewClient(o)
	t.Cleanup(func() { c.Disconnect(0) })
	return c, wait(c.Connect())
}

func wait(t mqtt.Token) error {
	if !t.WaitTimeout(time.Minute) {
		return errors.New("no answer in a minute")
	}
	return t.Error()
}

// carries fails the test unless a message of each size comes back to its sender.
func carries(t *testing.T, c mqtt.Client) {
	t.Helper()
	got := make(chan [sha256.Size]byte, 10)
	if err := wait(c.Subscribe("/change/#", 1, func(_ mqtt.Client, m mqtt.Message) { got <- sha256.Sum256(m.Payload()) })); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 300, 5_000_000} {
		payload := make([]byte, size)
		if err := wait(c.Publish("/change/client", 1, false, payload)); err != nil {
			t.Fatal(err)
		}
		select {
		case sum := <-got:
			if sum != sha256.Sum256(payload) {
				t.Errorf("a message of %d bytes came back changed", size)
			}
		case <-time.After(time.Minute):
			t.Fatalf("a message of %d bytes did not come back within a minute", size)
		}
	}
}

func TestMessagesGoThrough(t *testing.T) {
	certs := testkit.Certs(t)
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			c := config.Broker{Listen: "127.0.0.1:0", WSListen: fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))}
			tcp, ws := "tcp", "ws"
			if secure {
				c.Cert, c.Key = certs.ServerCert, certs.ServerKey
				tcp, ws = "ssl", "wss"
			}
			addr, _, _ := run(t, c)
			for _, server := range []string{tcp + "://" + addr, ws + "://" + c.WSListen} {
				var client mqtt.Client
				testkit.Eventually(t, "the broker at "+server, func() (err error) { // Websockets start a moment later.
					client, err = connect(t, server, func(o *mqtt.ClientOptions) { o.SetTLSConfig(certs.Client()) })
					return err
				})
				carries(t, client)
			}
		})
	}
}

func TestOnlyUsersGetIn(t *testing.T) {
	addr, _, logs := run(t, config.Broker{Listen: "127.0.0.1:0", Users: []config.BrokerUser{
		{Username: "alpha", Password: "a secret"}, {Username: "beta", Password: "b secret"}, {Username: "empty"},
	}})
	for _, x := range []struct {
		user, password string
		ok             bool
	}{
		{"alpha", "a secret", true}, {"beta", "b secret", true}, {"empty", "", true},
		{"alpha", "b secret", false}, {"alpha", "", false}, {"alpha", "a secret ", false}, {"", "", false},
		{"eve", "", false}, {"eve", "\x00", false}, {"ALPHA", "a secret", false},
	} {
		before := logs.FilterMessage("login refused").Len()
		_, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) { o.SetUsername(x.user).SetPassword(x.password) })
		refused := logs.FilterMessage("login refused").Len() - before
		if x.ok && (err != nil || refused != 0) || !x.ok && (err == nil || refused != 1) {
			t.Errorf("%q with %q: %v, %d refusals logged", x.user, x.password, err, refused)
		}
	}
	for _, entry := range logs.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, "secret") {
			t.Errorf("a password is in the log: %s", text)
		}
	}
}

func TestSessionKeepsUnacknowledgedMessages(t *testing.T) {
	addr, _, _ := run(t, config.Broker{Listen: "127.0.0.1:0"})
	got := make(chan string, 10)
	stay := func(o *mqtt.ClientOptions) {
		o.SetClientID("beta").SetCleanSession(false).SetAutoAckDisabled(true).
			SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { got <- string(m.Payload()) })
	}
	beta, err := connect(t, "tcp://"+addr, stay)
	if err == nil {
		err = wait(beta.Subscribe("/change/beta", 1, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
	alpha, err := connect(t, "tcp://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want ...string) { // in any order and perhaps twice: the broker may not know yet that a client has left
		t.Helper()
		came := map[string]bool{}
		for len(came) < len(want) {
			select {
			case payload := <-got:
				came[payload] = true
			case <-time.After(time.Minute):
				t.Fatalf("within a minute got %v, want %q", came, want)
			}
		}
		for _, w := range want {
			if !came[w] {
				t.Errorf("got %v, want %q", came, want)
			}
		}
	}
	if err := wait(alpha.Publish("/change/beta", 1, false, "one")); err != nil {
		t.Fatal(err)
	}
	expect("one")
	beta.Disconnect(0)
	if err := wait(alpha.Publish("/change/beta", 1, false, "two")); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, "tcp://"+addr, stay); err != nil {
		t.Fatal(err)
	}
	expect("one", "two")
}

func TestRunSaysWhatItCannotDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for key, c := range map[string]config.Broker{
		"listen":    {Listen: taken.Addr().String()},
		"websocket": {Listen: "127.0.0.1:0", WSListen: taken.Addr().String()},
	} {
		b, err := broker.New(zap.NewNop(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
			t.Errorf("%s: %v, want an error that names %s", key, err, taken.Addr())
		}
	}
	if _, err := broker.New(zap.NewNop(), config.Broker{Cert: "/nowhere/server.crt"}); err == nil {
		t.Error("a missing certificate is not an error")
	}
}

// TestRunEndsDespiteASilentPeer connects a client that never sends anything.
func TestRunEndsDespiteASilentPeer(t *testing.T) {
	addr, stop, _ := run(t, config.Broker{Listen: "127.0.0.1:0"})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := connect(t, "tcp://"+addr, nil); err != nil { // The broker has accepted the silent one by now.
		t.Fatal(err)
	}
	stop()
	if _, err := connect(t, "tcp://"+addr, nil); err == nil {
		t.Error("the broker still answers after its end")
	}
}

// Both sides number their packets from one: a client can subscribe even while messages from the
// broker are in flight.
func TestSubscriptionsAreNotRefusedForTheirPacketID(t *testing.T) {
	addr, _, _ := run(t, config.Broker{Listen: "127.0.0.1:0"})
	const many = 200
	var came sync.WaitGroup
	came.Add(many)
	c, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) { o.SetAutoAckDisabled(true) })
	if err == nil {
		err = wait(c.Subscribe("/change/client", 1, func(mqtt.Client, mqtt.Message) { came.Done() }))
	}
	other, failed := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) { o.SetClientID("other") })
	err = errors.Join(err, failed)
	for i := 0; i < many && err == nil; i++ {
		err = wait(other.Publish("/change/client", 1, false, []byte{byte(i)}))
	}
	if err != nil {
		t.Fatal(err)
	}
	came.Wait() // none is acknowledged
	for i := range 20 {
		topic := fmt.Sprint("/ack/", i)
		token := c.Subscribe(topic, 1, nil).(*mqtt.SubscribeToken)
		if err := wait(token); err != nil || token.Result()[topic] != 1 {
			t.Fatalf("subscription %d: %v, %d", i, err, token.Result()[topic])
		}
	}
}

// Users come and go while the others stay connected.
func TestUsersChangeWhileTheBrokerRuns(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	var k broker.Keeper
	defer k.Close()
	user := func(name, password string) config.BrokerUser {
		return config.BrokerUser{Username: name, Hash: sha256.Sum256([]byte(password)), Client: name}
	}
	c := config.Broker{
		Listen: fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), Users: []config.BrokerUser{user("alpha", "a"), user("beta", "b")}, Node: "hq", ClientID: "the-node",
	}
	keep := func() {
		t.Helper()
		if err := k.Keep(t.Context(), zap.New(core), c); err != nil {
			t.Fatal(err)
		}
	}
	keep()
	as := func(name, password string) (mqtt.Client, chan struct{}, error) {
		gone := make(chan struct{})
		client, err := connect(t, "tcp://"+c.Listen, func(o *mqtt.ClientOptions) {
			o.SetClientID(name).SetUsername(name).SetPassword(password).SetConnectionLostHandler(func(mqtt.Client, error) { close(gone) })
		})
		return client, gone, err
	}
	alpha, _, err := as("alpha", "a")
	_, betaGone, failed := as("beta", "b")
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	c.Hub = "hq"
	c.Users = []config.BrokerUser{user("alpha", "a"), user("gamma", "c"), {Username: "join-1", Hash: sha256.Sum256([]byte("j")), Invitation: "0123456789abcdef"}}
	keep()
	select {
	case <-betaGone:
	case <-time.After(time.Minute):
		t.Fatal("a user who was removed stays connected")
	}
	if _, _, err := as("beta", "b"); err == nil {
		t.Error("a user who was removed gets in")
	}
	if _, _, err := as("gamma", "c"); err != nil {
		t.Errorf("a new user: %v", err)
	}
	for _, id := range []string{"mysql-sync-alpha", "the-node"} {
		if _, err := connect(t, "tcp://"+c.Listen, func(o *mqtt.ClientOptions) { o.SetClientID(id).SetUsername("gamma").SetPassword("c") }); err == nil {
			t.Errorf("a site may connect as %s, and keep that one out", id)
		}
	}
	invited := func(change func(*mqtt.ClientOptions)) (mqtt.Client, error) {
		return connect(t, "tcp://"+c.Listen, func(o *mqtt.ClientOptions) {
			o.SetClientID("mysql-sync-join-1").SetUsername("join-1").SetPassword("j")
			change(o)
		})
	}
	for what, change := range map[string]func(*mqtt.ClientOptions){
		"takes the identifier of another": func(o *mqtt.ClientOptions) { o.SetClientID("mysql-sync-hq") },
		"keeps a session":                 func(o *mqtt.ClientOptions) { o.SetCleanSession(false) },
		"leaves a will":                   func(o *mqtt.ClientOptions) { o.SetWill("/join/hq/0123456789abcdef/1", "x", 1, true) },
	} {
		if _, err := invited(change); err == nil {
			t.Errorf("a guest %s", what)
		}
	}
	guest, err := invited(func(*mqtt.ClientOptions) {})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	if err := wait(guest.Subscribe("/joined/hq/0123456789abcdef/+", 1, func(_ mqtt.Client, m mqtt.Message) { got <- string(m.Payload()) })); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{"/info", "/node/+", "/joined/hq/+/+", "/batch/gamma/+", "#"} {
		token := guest.Subscribe(filter, 1, nil).(*mqtt.SubscribeToken)
		if err := wait(token); err == nil && token.Result()[filter] < 0x80 {
			t.Errorf("a guest may read %s", filter)
		}
	}
	if !alpha.IsConnectionOpen() {
		t.Error("a user who stayed was disconnected")
	}
	if logs.FilterMessage("the broker listens").Len() != 1 {
		t.Error("the broker was started anew")
	}
	c.Listen = fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	keep()
	if _, _, err := as("gamma", "c"); err != nil {
		t.Errorf("at the new address: %v", err)
	}
}

// A guest leaves room for others, however often it connects.
func TestAGuestLeavesRoom(t *testing.T) {
	c := config.Broker{Listen: "127.0.0.1:0", Hub: "hq", Users: []config.BrokerUser{{Username: "join-1", Password: "j", Invitation: "0123456789abcdef"}, {Username: "a", Password: "a"}}}
	addr, _, _ := run(t, c)
	in := 0
	for i := range 100 {
		if _, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) {
			o.SetClientID(fmt.Sprint("mysql-sync-join-", i)).SetUsername("join-1").SetPassword("j")
		}); err == nil {
			in++
		}
	}
	if in != 64 {
		t.Errorf("a guest has %d connections", in)
	}
	if _, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) { o.SetUsername("a").SetPassword("a") }); err != nil {
		t.Error(err)
	}
}

// A user who is removed is sent away even if the certificate cannot be read again.
func TestUsersGoWhateverTheCertificate(t *testing.T) {
	certs := testkit.Certs(t)
	key := filepath.Join(t.TempDir(), "key.pem")
	text, err := os.ReadFile(certs.ServerKey)
	if err == nil {
		err = os.WriteFile(key, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var k broker.Keeper
	defer k.Close()
	user := config.BrokerUser{Username: "alpha", Password: "a"}
	c := config.Broker{Listen: fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), Cert: certs.ServerCert, Key: key, Users: []config.BrokerUser{user, {Username: "beta", Password: "b"}}}
	if err := k.Keep(t.Context(), zap.NewNop(), c); err != nil {
		t.Fatal(err)
	}
	as := func(o *mqtt.ClientOptions) {
		o.SetUsername("beta").SetPassword("b").SetTLSConfig(&tls.Config{InsecureSkipVerify: true})
	}
	gone := make(chan struct{})
	if _, err := connect(t, "ssl://"+c.Listen, func(o *mqtt.ClientOptions) {
		as(o)
		o.SetConnectionLostHandler(func(mqtt.Client, error) { close(gone) })
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	c.Users = []config.BrokerUser{user}
	if err := k.Keep(t.Context(), zap.NewNop(), c); err == nil {
		t.Error("the missing key is not reported")
	}
	if _, err := connect(t, "ssl://"+c.Listen, as); err == nil {
		t.Fatal("a user who was removed gets in")
	}
	<-gone
}

// At a broker without users no login ends, whatever joins or is dismissed meanwhile: all stay connected.
func TestABrokerWithoutUsersKeepsItsConnections(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	var k broker.Keeper
	defer k.Close()
	c := config.Broker{Listen: fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))}
	for _, hub := range []string{"", "hq"} {
		c.Hub = hub
		if err := k.Keep(t.Context(), zap.New(core), c); err != nil {
			t.Fatal(err)
		}
		if hub == "" {
			if _, err := connect(t, "tcp://"+c.Listen, func(o *mqtt.ClientOptions) { o.SetClientID("store-1") }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if gone := logs.FilterMessageSnippet("disconnected"); gone.Len() > 0 || logs.FilterMessage("the broker listens").Len() != 1 {
		t.Errorf("%v", logs.All())
	}
}
