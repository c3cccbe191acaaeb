package schemafuzz

import (
	"strings"
	"testing"
)

func TestScriptIsAPureFunctionOfItsSeed(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		s := NewScript(seed, All, 3, 4).String()
		if again := NewScript(seed, All, 3, 4).String(); again != s {
			t.Fatalf("seed %d made two different scripts", seed)
		}
		seen[s] = true
	}
	if len(seen) != 50 {
		t.Errorf("only %d of 50 seeds made distinct scripts", len(seen))
	}
}

// TestKindsOccur checks that each kind shows in a script, and only if it is chosen.
func TestKindsOccur(t *testing.T) {
	signs := map[Kinds]string{
		Types: "ENUM('zz','b','a','10','9','') NOT NULL", Parents: "FOREIGN KEY", Cascades: "ON DELETE CASCADE", Rings: "ALTER TABLE",
		Uniques: "UNIQUE KEY", Spellings: "'BÓB'", Generated: " AS (n ", Unchecked: "foreign_key_checks = 0", Bulk: "e WHERE c.i <",
		Faults: "kill -9", Holds: "holds its locks", Routed: "routes of the first site",
	}
	for kind, sign := range signs {
		with, without := false, false
		for seed := range uint64(60) {
			for _, k := range []Kinds{All, All &^ Apart} {
				with = with || strings.Contains(NewScript(seed, k, 2, 3).String(), sign)
				without = without || strings.Contains(NewScript(seed, k&^kind, 2, 3).String(), sign)
			}
		}
		if !with || without {
			t.Errorf("%s: %q occurs with it: %t, without it: %t", kind, sign, with, without)
		}
	}
}

func TestOneWriterAtATime(t *testing.T) {
	for seed := range uint64(20) {
		for _, r := range NewScript(seed, All&^Apart, 3, 4).Rounds {
			writers := 0
			for _, list := range r.Work {
				if len(list) > 0 {
					writers++
				}
			}
			if writers != 1 {
				t.Errorf("seed %d: %d sites write in one round, want 1", seed, writers)
			}
		}
	}
}

func TestKindNames(t *testing.T) {
	for text, want := range map[string]Kinds{
		"": 0, "all": All, "types,rings": Types | Rings, "all,-apart,-faults": All &^ (Apart | Faults),
	} {
		k, err := ParseKinds(text)
		if err != nil || k != want {
			t.Errorf("ParseKinds(%q) = %v, %v, want %v", text, k, err, want)
		}
		if again, err := ParseKinds(k.String()); err != nil || again != k {
			t.Errorf("ParseKinds(%q) = %v, %v", k, again, err)
		}
	}
	if _, err := ParseKinds("types,colours"); err == nil || !strings.Contains(err.Error(), "colours") {
		t.Errorf("unknown kind: %v", err)
	}
}
