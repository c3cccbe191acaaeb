package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// hub is the configuration of a hub that stores may join.
func hubOf(t *testing.T, more string) *Config {
	t.Helper()
	cfg, _, err := Load(writeText(t, "c.json", `{"clientName": "hq", "syncTables": ["prices"], "receiveTables": ["orders", "visits"], "mysqlConfig": {"user": "u", "database": "d"}, `+more+`}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// site is one that was let in.
func site(name string) Site {
	return Site{Client: name, Key: seal.Secret{1, byte(len(name))}, Login: Hash{1}}
}

const embedded = `"broker": {"listen": "127.0.0.1:1883", "users": [{"username": "hq", "password": "s3cret", "client": "hq"}]}`

// A pattern stands for those sites that were let in, and for nobody else.
func TestPatternsStandForSitesThatWereLetIn(t *testing.T) {
	bare := hubOf(t, embedded+`, "remoteClients": ["report", "store-*"]`)
	if !bare.Invites() || !slices.Equal(bare.RemoteClients, []string{"report"}) || bare.AcceptsFrom("store-1") || bare.MayAsk("store-1") {
		t.Errorf("a pattern lets in who was not let in: %v", bare.RemoteClients)
	}
	cfg := bare.With(Joined{Sites: []Site{site("store-1"), site("other"), site("report"), site("hq")}, Invitations: []Invitation{{ID: "0123456789abcdef", Login: Hash{2}}}})
	if !slices.Equal(cfg.RemoteClients, []string{"report", "store-1"}) || !cfg.AcceptsFrom("store-1") || cfg.AcceptsFrom("store-2") || cfg.AcceptsFrom("other") || cfg.AcceptsFrom("hq") {
		t.Errorf("remotes: %v", cfg.RemoteClients)
	}
	if k := cfg.Encryption.Keys; len(k) != 1 || !slices.Equal(k[0].Clients, []string{"store-1"}) || !slices.Equal(cfg.Encryption.Required, []string{"store-1"}) {
		t.Errorf("keys: %+v, required: %v", k, cfg.Encryption.Required)
	}
	var users []string
	for _, u := range cfg.Broker.Users {
		users = append(users, u.Username+" "+u.Client+u.Invitation)
	}
	if !slices.Equal(users, []string{"hq hq", "store-1 store-1", "join-0123456789abcdef 0123456789abcdef"}) {
		t.Errorf("users: %q", users)
	}
	if back := cfg.With(Joined{}); len(back.RemoteClients) != 1 || len(back.Broker.Users) != 1 || len(back.Encryption.Keys) != 0 || back.AcceptsFrom("store-1") {
		t.Errorf("a dismissed site is still there: %v", back.RemoteClients)
	}
	if len(bare.RemoteClients) != 1 || len(bare.Broker.Users) != 1 {
		t.Error("the configuration itself was changed")
	}
	if text := cfg.String(); strings.Contains(text, "s3cret") {
		t.Errorf("a password is printed: %s", text)
	}
}

// acceptFrom may be patterns alone, which accept nobody before the first site was let in, and give each its rights.
func TestAcceptedPatternsGiveTheirRights(t *testing.T) {
	cfg := hubOf(t, embedded+`, "remoteClients": ["report", "store-*", "kiosk-1"], "acceptFrom": {"store-*": {"write": ["orders"]}, "store-1*": {"write": false}, "kiosk-*": {}}`)
	if cfg.AcceptsFrom("report") || cfg.AcceptsFrom("store-2") {
		t.Error("a client is accepted that no one let in")
	}
	cfg = cfg.With(Joined{Sites: []Site{site("store-2"), site("store-17"), site("kiosk-2"), site("kiosk-1")}})
	for client, want := range map[string][2]bool{"store-2": {true, false}, "store-17": {false, false}, "kiosk-2": {true, true}, "kiosk-1": {false, false}, "report": {false, false}} {
		if got := [2]bool{cfg.MayWrite(client, "orders"), cfg.MayWrite(client, "visits")}; got != want {
			t.Errorf("%s may write %v, want %v", client, got, want)
		}
	}
	if slices.Contains(cfg.RemoteClients, "kiosk-2") {
		t.Error("what only acceptFrom covers is sent rows")
	}
}

// A dismissed site has no rights, even where anyone has; unless the file names it.
func TestADismissedSiteHasNoRights(t *testing.T) {
	gone := Joined{Dismissed: []string{"store-1", "report"}}
	cfg := hubOf(t, embedded+`, "remoteClients": ["store-*"], "acceptFrom": ["*", "report"]`).With(gone)
	if cfg.AcceptsFrom("store-1") || cfg.MayAsk("store-1") || !cfg.AcceptsFrom("store-2") || !cfg.AcceptsFrom("report") {
		t.Error("who is dismissed is not who has no rights")
	}
}

// A broker that lets everyone in is not closed by the first site.
func TestAnOpenBrokerStaysOpen(t *testing.T) {
	cfg := hubOf(t, `"broker": {"listen": "127.0.0.1:1883"}, "remoteClients": ["store-*"]`).With(Joined{Sites: []Site{site("store-1")}})
	if len(cfg.Broker.Users) != 0 {
		t.Errorf("users: %v", cfg.Broker.Users)
	}
}

func TestPatternsCoverNames(t *testing.T) {
	for pattern, want := range map[string]bool{
		"store-*": true, "s*": true, "*-store": true, "s*-*": true, "*": false, "**": false, "": false, "store": false, "a b*": false, "a?*": false, "[a]*": false, "a/*": false, `a\*`: false,
		strings.Repeat("x", 32) + "*": false,
	} {
		if got := IsPattern(pattern); got != want {
			t.Errorf("IsPattern(%q) = %v", pattern, got)
		}
	}
	for name, want := range map[string]bool{"store-17": true, "store-": true, "store": false, "a-store-1": false, "store-1/2": false, "store-" + strings.Repeat("x", 40): false, "": false} {
		if got := Matches("store-*", name); got != want {
			t.Errorf("Matches(store-*, %q) = %v", name, got)
		}
	}
	if !Matches("store-17", "store-17") || Matches("store-1", "store-17") {
		t.Error("a name does not cover just itself")
	}
}
