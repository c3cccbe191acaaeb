package profile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

func key(t testing.TB) profile.PrivateKey {
	t.Helper()
	k, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signed(t testing.TB, k profile.PrivateKey, p profile.Profile) []byte {
	t.Helper()
	b, err := k.Sign(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stores(version profile.Version) profile.Profile {
	return profile.Profile{Hub: "hq", Name: "store", Version: version, Content: profile.Content{Keys: map[string]json.RawMessage{"syncTables": []byte(`["orders"]`)}}}
}

func TestOnlyTheHubsKeySigns(t *testing.T) {
	t.Parallel()
	k := key(t)
	good := signed(t, k, stores(7))
	p, err := profile.Open(good, k.Public(), "hq", "store")
	if err != nil || p.Version != 7 || string(p.Keys["syncTables"]) != `["orders"]` {
		t.Fatalf("%+v, %v", p, err)
	}
	again, err := profile.ParsePrivateKey(k.Reveal())
	if err != nil || again.Public() != k.Public() || strings.Contains(fmt.Sprintf("%v %+v %s", k, k, k), k.Reveal()) {
		t.Errorf("%v", err)
	}
	public, err := profile.ParsePublicKey(k.Public().String())
	if err != nil || public != k.Public() {
		t.Errorf("%v", err)
	}
	for _, x := range []struct {
		signed    []byte
		key       profile.PublicKey
		hub, name string
		want      error
	}{
		{good, key(t).Public(), "hq", "store", profile.ErrForged},
		{good, profile.PublicKey{}, "hq", "store", profile.ErrForged},
		{good, k.Public(), "hq", "other", profile.ErrOther},
		{good, k.Public(), "other", "store", profile.ErrOther},
		{good[:63], k.Public(), "hq", "store", profile.ErrForged},
		{append(bytes.Clone(good), ' '), k.Public(), "hq", "store", profile.ErrForged},
		{make([]byte, profile.MostBytes+1), k.Public(), "hq", "store", profile.ErrLarge},
		{signed(t, k, stores(0)), k.Public(), "hq", "store", profile.ErrBroken},
		{signed(t, k, stores(-1)), k.Public(), "hq", "store", profile.ErrBroken},
		{signed(t, k, stores(1<<60)), k.Public(), "hq", "store", profile.ErrBroken},
		{signed(t, k, profile.Profile{Hub: "hq", Name: "store", Version: 1}), k.Public(), "hq", "store", profile.ErrBroken},
	} {
		if p, err := profile.Open(x.signed, x.key, x.hub, x.name); !errors.Is(err, x.want) || p.Version != 0 && !errors.Is(x.want, profile.ErrOther) {
			t.Errorf("%.90q: %v, want %v", x.signed, err, x.want)
		}
	}
	for i := range good {
		wrong := bytes.Clone(good)
		wrong[i] ^= 1
		if _, err := profile.Open(wrong, k.Public(), "hq", "store"); err == nil {
			t.Fatalf("byte %d is not signed", i)
		}
	}
	large := stores(1)
	large.Keys["syncTables"] = []byte(`"` + strings.Repeat("a", profile.MostBytes) + `"`)
	if _, err := k.Sign(large); err == nil {
		t.Error("a document is signed that no site takes")
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f)
	good := signed(f, k, stores(7))
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := profile.Open(b, k.Public(), "hq", "store"); err == nil && !bytes.Equal(b, good) {
			t.Error("another document is taken")
		}
	})
}

func TestWhichVersionIsTried(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a, b := profile.DigestOf([]byte("a")), profile.DigestOf([]byte("b"))
	seen := profile.Memory{Seen: profile.Seen{Version: 7, Digest: a[:]}}
	refused := seen
	refused.Refused = &profile.Refused{Version: 7, Due: now.Add(time.Second)}
	for name, x := range map[string]struct {
		m              profile.Memory
		using, version profile.Version
		digest         profile.Digest
		later          time.Duration
		want           profile.Verdict
	}{
		"the first one":                                    {version: 1, want: profile.Try},
		"a newer one":                                      {m: seen, using: 7, version: 8, want: profile.Try},
		"the one in use":                                   {m: seen, using: 7, version: 7, digest: a, want: profile.Same},
		"a replay":                                         {m: seen, using: 7, version: 6, want: profile.Older},
		"a replay, while nothing is remembered":            {using: 7, version: 6, want: profile.Older},
		"a replay of what is newer than in use":            {m: seen, using: 5, version: 6, want: profile.Older},
		"another content":                                  {m: seen, using: 7, version: 7, digest: b, want: profile.Another},
		"another content of a refused one":                 {m: refused, using: 6, version: 7, digest: b, later: time.Hour, want: profile.Another},
		"a refused one":                                    {m: refused, using: 6, version: 7, digest: a, want: profile.Wait},
		"a refused one, later":                             {m: refused, using: 6, version: 7, digest: a, later: time.Second, want: profile.Try},
		"the one after a refused one":                      {m: refused, using: 6, version: 8, digest: b, want: profile.Try},
		"a refused one, since when the clock was set back": {m: refused, using: 6, version: 7, digest: a, later: -24 * time.Hour, want: profile.Try},
		"one that was seen, but never in use here":         {m: seen, using: 0, version: 7, digest: a, want: profile.Try},
	} {
		if got := x.m.Judge(x.using, x.version, x.digest, now.Add(x.later)); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}

func TestTheFile(t *testing.T) {
	t.Parallel()
	f := profile.File{Path: filepath.Join(t.TempDir(), "queue", "store-1.led"), From: "hq store key"}
	now := time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() profile.Memory {
		t.Helper()
		m, err := f.Read()
		must(err)
		return m
	}
	if m := read(); m.Accepted != nil || m.Refused != nil {
		t.Errorf("%+v", m)
	}
	must(f.Again())
	must(f.Accept(7, []byte("seven")))
	for i, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		must(f.Tries(8, profile.DigestOf([]byte("eight")), now))
		m := read()
		if m.Refused.Tries != i+1 || !m.Refused.Due.Equal(now.Add(pause)) || m.Seen.Version != 8 || string(m.Accepted) != "seven" {
			t.Errorf("%+v %+v", m, m.Refused)
		}
	}
	for range 80 {
		must(f.Tries(8, profile.DigestOf([]byte("eight")), now))
	}
	if m := read(); !m.Refused.Due.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v", m.Refused)
	}
	must(f.Refuse(8, "no table"))
	must(f.Refuse(9, "of another"))
	if m := read(); m.Refused.Why != "no table" {
		t.Errorf("%+v", m.Refused)
	}
	must(f.Accept(7, []byte("seven"))) // written late: what is known of 8 stays
	if m := read(); m.Refused == nil || m.Seen.Version != 8 {
		t.Errorf("%+v", m)
	}
	must(f.Again())
	if m := read(); !m.Refused.Due.IsZero() || m.Refused.Why != "no table" {
		t.Errorf("%+v", m.Refused)
	}
	must(f.Accept(8, []byte("eight")))
	if m := read(); m.Refused != nil || string(m.Accepted) != "eight" || m.Seen.Version != 8 {
		t.Errorf("%+v", m)
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if list, err := filepath.Glob(filepath.Join(filepath.Dir(f.Path), "*")); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if m, err := (profile.File{Path: f.Path, From: "another hub"}).Read(); err != nil || m.Accepted != nil || m.Seen.Version != 0 || m.Before.Seen.Version != 8 {
		t.Errorf("what came from another hub counts: %+v, %v", m, err)
	}
	must(f.Tries(9, profile.DigestOf([]byte("nine")), now))
	must(f.Refuse(9, strings.Repeat("no table é\x00\n", 1<<16))) // as if each of very many tables were missing
	if m := read(); string(m.Accepted) != "eight" || !strings.HasPrefix(m.Refused.Why, "no table é") || !utf8.ValidString(m.Refused.Why) {
		t.Errorf("%+v", m)
	}
	for _, text := range []string{"", "{", strings.Repeat(" ", 1<<20)} {
		must(os.WriteFile(f.Path, []byte(text), 0o600))
		if _, err := f.Read(); err == nil || f.Accept(9, []byte("nine")) == nil {
			t.Errorf("a damaged file is taken: %.20q", text)
		}
	}
}

// TestAHubThatIsBackReplaysNothing has a site get other hubs, and then the first one again.
func TestAHubThatIsBackReplaysNothing(t *testing.T) {
	t.Parallel()
	path, now := filepath.Join(t.TempDir(), "site.led"), time.Now()
	accept := func(from string, version profile.Version) {
		t.Helper()
		f := profile.File{Path: path, From: from}
		text := []byte(fmt.Sprint(from, version))
		if err := errors.Join(f.Tries(version, profile.DigestOf(text), now), f.Accept(version, text)); err != nil {
			t.Fatal(err)
		}
	}
	verdict := func(from string, version profile.Version) profile.Verdict {
		t.Helper()
		m, err := profile.File{Path: path, From: from}.Read()
		if err != nil {
			t.Fatal(err)
		}
		return m.Judge(0, version, profile.DigestOf([]byte(fmt.Sprint(from, version))), now)
	}
	accept("a", 5)
	for other := range 6 {
		accept(fmt.Sprint("b", other), 9)
	}
	for version, want := range map[profile.Version]profile.Verdict{4: profile.Older, 5: profile.Try, 6: profile.Try} {
		if got := verdict("a", version); got != want {
			t.Errorf("version %d of a hub that is back: %v, want %v", version, got, want)
		}
	}
	accept("a", 5)
	if got := verdict("b3", 8); got != profile.Older {
		t.Errorf("an old version of the one before: %v", got)
	}
	for other := range 100 {
		accept(fmt.Sprint("c", other), 9)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 4096 {
		t.Errorf("the file grows with each hub: %v, %v", info.Size(), err)
	}
}

// TestANamedPipeIsNotWaitedFor: someone may have put anything in the file's place.
func TestANamedPipeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	f := profile.File{Path: filepath.Join(t.TempDir(), "a.led")}
	if err := syscall.Mkfifo(f.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(); err == nil || !strings.Contains(err.Error(), f.Path) {
		t.Errorf("it is read: %v", err)
	}
}
