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

// MosquittoOptions say what a Broker requires and offers. The zero value is a broker that lets everybody in.
type MosquittoOptions struct {
	TLS               bool              // speak TLS, with its own certificates: see Broker.Certs
	RequireClientCert bool              // with TLS, only clients with a certificate of Broker.Certs
	Users             map[string]string // passwords by user; empty: anyone may connect
	ACL               bool              // each user has only the topics in mosquitto/acl.txt
	ACLText           string            // an ACL in place of mosquitto/acl.txt
	Websockets        bool              // a second listener for websockets, with TLS if TLS is set
	Persistence       bool              // sessions and queues outlive Stop, and Kill as far as Mosquitto can
	Extra             []string          // further lines of the configuration
}

// Mosquitto starts a broker with one of the configurations in the folder mosquitto and its own
// ports and paths: the Mosquitto that MYSQL_SYNC_TEST_BROKER names, if any, else the machine's. The
// test fails when it is not installed.
func Mosquitto(tb TB, options MosquittoOptions) *Broker {
	tb.Helper()
	run, err := findMosquitto("mosquitto")
	if err != nil {
		tb.Fatalf("find Mosquitto: %v", err)
	}
	dir := folder(tb, "")
	b := newBroker(tb, "mosquitto")
	b.users = options.Users
	if options.TLS {
		b.Certs = Certs(tb)
	}
	if options.Websockets {
		b.WebsocketPort = FreePort(tb)
	}
	file := filepath.Join(dir, "mosquitto.conf")
	text, err := b.mosquitto(dir, options)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		tb.Fatalf("configure the broker: %v", err)
	}
	b.command = func() *exec.Cmd { return run("-c", file) }
	b.Start()
	return b
}

// Bridge returns the lines of MosquittoOptions.Extra that forward everything to another broker, and everything of it here.
func Bridge(to *Broker) []string {
	return []string{"connection " + to.Addr(), "address " + to.Addr(), "topic # both 1", "cleansession true", "restart_timeout 1"}
}

// findMosquitto finds one of Mosquitto's programs and returns the command that runs it.
func findMosquitto(name string) (run func(args ...string) *exec.Cmd, err error) {
	root, err := installed(brokerVariable, "mosquitto")
	if err != nil {
		return nil, err
	}
	if root != "" {
		folder := "usr/bin"
		if name == "mosquitto" {
			folder = "usr/sbin"
		}
		return withItsLibraries(root, filepath.Join(folder, name))
	}
	path, err := find(name)
	if err != nil {
		return nil, fmt.Errorf("%w; scripts/install-deps.sh installs it", err)
	}
	return func(args ...string) *exec.Cmd { return exec.Command(path, args...) }, nil
}

// MosquittoPlugin finds a plugin of the Mosquitto that the function Mosquitto starts. The test
// fails if it is missing.
func MosquittoPlugin(tb TB, name string) (path string) {
	tb.Helper()
	root, err := installed(brokerVariable, "mosquitto")
	if err != nil {
		tb.Fatalf("find a plugin of Mosquitto: %v", err)
	}
	for _, dir := range []string{"/usr/lib/*", "/usr/*/lib", "/usr/lib"} {
		if found, _ := filepath.Glob(filepath.Join(root, "/", dir, name)); len(found) > 0 {
			return found[0]
		}
	}
	tb.Fatalf("find a plugin of Mosquitto: there is no %s, which comes with it", name)
	return ""
}

// mosquitto adapts the shipped configuration that fits the options.
func (b *Broker) mosquitto(dir string, o MosquittoOptions) (string, error) {
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
	// Running as the user who starts it, the broker keeps its parent-death signal.
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
		// TLS settings belong to a listener.
		isTLS := names("cafile", "certfile", "keyfile", "tls_version", "require_certificate")
		tls := slices.DeleteFunc(slices.Clone(s), func(line string) bool { return !isTLS(line) })
		s = append(s, fmt.Sprintf("listener %d %s", b.WebsocketPort, b.Host), "protocol websockets")
		s = append(s, tls...)
	}
	return strings.Join(slices.Concat(s, o.Extra), "\n") + "\n", nil
}

// writePasswords writes Mosquitto's password file.
func writePasswords(path string, users map[string]string) error {
	run, err := findMosquitto("mosquitto_passwd")
	if err != nil {
		return fmt.Errorf("find mosquitto_passwd: %w", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	for user, password := range users {
		if said, err := run("-b", path, user, password).CombinedOutput(); err != nil {
			return fmt.Errorf("set the password of %s: %w: %s", user, err, said)
		}
	}
	return nil
}

// settings are the lines of a Mosquitto configuration with one listener.
type settings []string

// set changes a setting in place, or adds it if it is missing.
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

// names reports the lines that set one of the keys.
func names(keys ...string) func(line string) bool {
	return func(line string) bool {
		key, _, _ := strings.Cut(line, " ")
		return slices.Contains(keys, key)
	}
}
