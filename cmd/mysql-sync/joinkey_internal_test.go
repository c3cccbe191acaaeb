package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A join can be repeated with the same key, whatever other tokens were tried since, and whatever else is in the file.
func TestAnotherTokenLosesNoKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "store.json.joining")
	if err := os.WriteFile(file, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{}
	for _, invitation := range []string{"000000000000000a", "000000000000000b", "000000000000000c", "000000000000000a", "000000000000000a", "000000000000000c", "000000000000000b"} {
		had, found, err := findKey(file, invitation)
		if err != nil || found != (keys[invitation] != nil) || found && !bytes.Equal(had.Reveal(), keys[invitation]) {
			t.Errorf("%s: %v, %v", invitation, found, err)
		}
		key, err := keepKey(file, invitation)
		if err != nil {
			t.Fatal(err)
		}
		if keys[invitation] == nil {
			keys[invitation] = key.Reveal()
		} else if !bytes.Equal(key.Reveal(), keys[invitation]) {
			t.Errorf("%s has another key than before", invitation)
		}
	}
	if got, err := os.ReadFile(file + ".old"); err != nil || string(got) != "not a key" {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := filepath.Glob(file + "*"); err != nil || len(list) != 4 {
		t.Errorf("%v, %v", list, err)
	}
}
