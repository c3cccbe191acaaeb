package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MosquittoOptions say what a Broker demands and offers. The zero value is a broker that lets everybody in.
type MosquittoOptions struct {
	TLS               bool              // speak TLS, with certificates of its own: see Broker.Certs
	RequireClientCert bool              // with TLS, only clients with a certificate of Broker.Certs
	Users             map[string]string // passwords by user; empty: anyone may connect
	ACL               bool              // each user has only the topics that mosquitto/acl.txt gives
	ACLText           string            // another ACL than mosquitto/acl.txt
	Websockets        bool              // a second listener for websockets, with TLS where TLS is set
	Persistence       bool              // sessions and queues outlive Stop, and Kill as far as Mosquitto can
	Extra             []string          // further lines of the configuration
}

// Broker is a running Mosquitto. The methods Kill, Stop and Start are for one goroutine.
type Broker struct {
	Host          string
	Port          int
	WebsocketPort int           // 0 without websockets
	Certs         *Certificates // nil without TLS

	tb      TB
	program string
	file    string
	options MosquittoOptions
	child   *child
}

// Mosquitto starts a broker with one of the configurations that stand in the folder mosquitto, with ports and paths of
// its own. The test fails when Mosquitto is not installed; scripts/install-deps.sh installs it.
func Mosquitto(tb TB, options MosquittoOptions) *Broker {
	tb.Helper()
	program, err := find("mosquitto")
	if err != nil {
		tb.Fatalf("find Mosquitto: %v; scripts/install-deps.sh installs it", err)
	}
	dir := folder(tb, "")
	b := &Broker{Host: loopback, Port: FreePort(tb), tb: tb, program: program, options: options,
		file: filepath.Join(dir, "mosquitto.conf")}
	if options.TLS {
		b.Certs = Certs(tb)
	}
	if options.Websockets {
		b.WebsocketPort = FreePort(tb)
	}
	text, err := b.configuration(dir)
	if err == nil {
		err = os.WriteFile(b.file, []byte(text), 0o600)
	}
	if err != nil {
		tb.Fatalf("configure the broker: %v", err)
	}
	tb.Cleanup(func() {
		if b.child != nil {
			b.child.kill()
		}
	})
	b.Start()
	return b
}

// configuration adapts the shipped configuration that fits the options.
func (b *Broker) configuration(dir string) (string, error) {
	o := b.options
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	shipped := filepath.Join(root, "mosquitto")
	name := "plain.conf"
	switch {
	case o.TLS:
		name = "tls.conf"
	case o.ACL || o.ACLText != "":
		name = "acl.conf"
	case len(o.Users) > 0:
		name = "password.conf"
	}
	text, err := os.ReadFile(filepath.Join(shipped, name))
	if err != nil {
		return "", fmt.Errorf("read the shipped configuration: %w", err)
	}
	s := settings(strings.Split(string(text), "\n"))
	s.set("listener", strconv.Itoa(b.Port)+" "+b.Host)
	s.set("allow_anonymous", strconv.FormatBool(len(o.Users) == 0))
	s.drop("password_file", "acl_file")
	// Running as the user who starts it, the broker keeps the kernel's order to die with its parent.
	if me, err := user.Current(); err == nil {
		s.set("user", me.Username)
	}
	if len(o.Users) > 0 {
		passwords := filepath.Join(dir, "passwords")
		if err := writePasswords(passwords, o.Users); err != nil {
			return "", err
		}
		s.set("password_file", passwords)
	}
	if o.ACLText != "" {
		acl := filepath.Join(dir, "acl.txt")
		if err := os.WriteFile(acl, []byte(o.ACLText), 0o600); err != nil {
			return "", fmt.Errorf("write the ACL: %w", err)
		}
		s.set("acl_file", acl)
	} else if o.ACL {
		s.set("acl_file", filepath.Join(shipped, "acl.txt"))
	}
	if o.Persistence {
		s.set("persistence", "true")
		s.set("persistence_location", dir+"/")
		s.set("autosave_interval", "1")
	}
	if o.TLS {
		s.set("require_certificate", strconv.FormatBool(o.RequireClientCert))
		s.set("cafile", b.Certs.CA)
		s.set("certfile", b.Certs.ServerCert)
		s.set("keyfile", b.Certs.ServerKey)
	}
	if o.Websockets {
		// The settings of TLS belong to a listener each.
		isTLS := names("cafile", "certfile", "keyfile", "tls_version", "require_certificate")
		tls := slices.DeleteFunc(slices.Clone(s), func(line string) bool { return !isTLS(line) })
		s = append(s, fmt.Sprintf("listener %d %s", b.WebsocketPort, b.Host), "protocol websockets")
		s = append(s, tls...)
	}
	return strings.Join(slices.Concat(s, o.Extra), "\n") + "\n", nil
}

// URL is the broker's address as a node's configuration and paho have it.
func (b *Broker) URL() string {
	scheme := "tcp"
	if b.options.TLS {
		scheme = "ssl"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, b.Host, b.Port)
}

// WebsocketURL is the address of the listener for websockets.
func (b *Broker) WebsocketURL() string {
	scheme := "ws"
	if b.options.TLS {
		scheme = "wss"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, b.Host, b.WebsocketPort)
}

// Addr is the broker's host:port.
func (b *Broker) Addr() string { return b.Host + ":" + strconv.Itoa(b.Port) }

// Start starts the broker again after Kill or Stop, on the same ports. It returns when the broker answers.
func (b *Broker) Start() {
	b.tb.Helper()
	child, err := spawn("mosquitto", exec.Command(b.program, "-c", b.file))
	if err != nil {
		b.tb.Fatalf("%v", err)
	}
	b.child = child
	if err := child.await(b.ask); err != nil {
		b.tb.Fatalf("%v", err)
	}
}

// Kill ends the broker with SIGKILL, as a crash would.
func (b *Broker) Kill() { b.child.kill() }

// Stop ends the broker in an orderly way.
func (b *Broker) Stop() {
	b.tb.Helper()
	if err := b.child.terminate(); err != nil {
		b.tb.Fatalf("%v", err)
	}
}

// Log returns what the broker has said since its start, line by line.
func (b *Broker) Log() []string { return b.child.output.all() }

// writePasswords writes Mosquitto's password file.
func writePasswords(path string, users map[string]string) error {
	program, err := find("mosquitto_passwd")
	if err != nil {
		return fmt.Errorf("find mosquitto_passwd: %w", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	for user, password := range users {
		if said, err := exec.Command(program, "-b", path, user, password).CombinedOutput(); err != nil {
			return fmt.Errorf("set the password of %s: %w: %s", user, err, said)
		}
	}
	return nil
}

// settings are the lines of a Mosquitto configuration with one listener.
type settings []string

// set gives a setting another value where it stands, and adds it where it is missing.
func (s *settings) set(key, value string) {
	line := key + " " + value
	if i := slices.IndexFunc(*s, names(key)); i >= 0 {
		(*s)[i] = line
		return
	}
	*s = append(*s, line)
}

// drop removes settings.
func (s *settings) drop(keys ...string) { *s = slices.DeleteFunc(*s, names(keys...)) }

// names tells the lines that set one of the keys.
func names(keys ...string) func(line string) bool {
	return func(line string) bool {
		key, _, _ := strings.Cut(line, " ")
		return slices.Contains(keys, key)
	}
}
