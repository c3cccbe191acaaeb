package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// sealKey has the bytes 0 to 31.
const sealKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestEncryptionIsRequiredFromEveryoneByDefault(t *testing.T) {
	path := write(t, least(block{"encryption": block{"keys": []any{
		block{"id": "2026", "key": block{"file": "k"}}, block{"id": "pair", "key": sealKey, "clients": []string{"hamburg", "berlin"}}}}}))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "k"), []byte(sealKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := load(t, path).Encryption
	if got, want := fmt.Sprintf("%+v", e), "{Keys:[{ID:2026 Secret:*** Clients:[]} {ID:pair Secret:*** Clients:[hamburg berlin]}] Required:[*]}"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if e.Keys[0].Secret.Reveal() != sealKey || e.Keys[1].Secret.Reveal() != sealKey {
		t.Error("a key was misread")
	}
	none := load(t, write(t, least(block{"encryption": block{"keys": []any{block{"id": "k", "key": sealKey}}, "required": []string{}}}))).Encryption
	if len(none.Required) > 0 {
		t.Errorf("required: got %q, want none", none.Required)
	}
	if e := load(t, write(t, least(nil))).Encryption; len(e.Keys) > 0 || len(e.Required) > 0 {
		t.Errorf("without the block: got %+v", e)
	}
}

func TestMistakesInEncryption(t *testing.T) {
	key := func(id string, clients ...string) block { return block{"id": id, "key": sealKey, "clients": clients} }
	for name, rule := range map[string]struct {
		encryption block
		want       []string
	}{
		"no keys": {block{"keys": []any{}}, []string{`encryption.keys: is empty; generate a key with: mysql-sync key`}},
		"an invalid key": {block{"keys": []any{block{"id": "k", "key": "hunter2"}}},
			[]string{`encryption.keys[0].key: is not 32 bytes in base64; generate one with: mysql-sync key`}},
		"an invalid name": {block{"keys": []any{key("a b")}},
			[]string{`encryption.keys[0].id: "a b" is not a name of 1 to 32 letters, digits, ., - or _`}},
		"a duplicate name": {block{"keys": []any{key("k"), key("k")}},
			[]string{`encryption.keys[1].id: "k" is listed twice; give the new key its own name`}},
		"an unknown client": {block{"keys": []any{key("k", "hamborg"), key("l")}},
			[]string{`encryption.keys[0].clients: "hamborg" is in neither remoteClients nor acceptFrom; did you mean "hamburg"?`}},
		"a client without a key": {block{"keys": []any{key("k", "berlin")}},
			[]string{`encryption.keys: has no key for "hamburg"; add one that lists it in clients, or one without clients, which applies to all`}},
		"an unknown required client": {block{"keys": []any{key("k")}, "required": []string{"hamborg"}},
			[]string{`encryption.required: "hamborg" is in neither remoteClients nor acceptFrom; did you mean "hamburg"?`}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, write(t, least(block{"encryption": rule.encryption})), nil, rule.want...)
		})
	}
	refused(t, write(t, least(block{"acceptFrom": []string{"*"}, "encryption": block{"keys": []any{key("k", "hamburg")}}})), nil,
		`encryption.keys: has no key for the clients of acceptFrom ["*"]; add one that lists it in clients, or one without clients, which applies to all`)
}
