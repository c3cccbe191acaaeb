package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// count yields the bytes 0, 1, 2 …, so that golden files can be compared.
type count byte

func (c *count) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

// key returns a key for one client; the same text yields the same key.
func key(id, text string, clients ...string) seal.Key {
	k := seal.Key{ID: id, Clients: clients}
	copy(k.Secret[:], text)
	return k
}

var shared = key("2026", "a key for all")

func ring(keys ...seal.Key) *seal.Ring { return seal.NewRing(keys, []string{"*"}) }

func session(t testing.TB, client string, r *seal.Ring) *seal.Session {
	t.Helper()
	s, err := seal.NewSession(client, r, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hear gives one session another's announcement.
func hear(t testing.TB, s *seal.Session, client string, of *seal.Session) {
	t.Helper()
	boxes, err := of.Boxes([]byte("announcement of " + client))
	if err != nil {
		t.Fatal(err)
	}
	nonce := of.Nonce()
	text, h, err := s.Hear(client, nonce[:], boxes)
	if err != nil || string(text) != "announcement of "+client {
		t.Fatalf("Hear = %q, %v", text, err)
	}
	if err := s.Meet(client, h); err != nil {
		t.Fatal(err)
	}
}

// two returns sessions of ab and cd that know each other.
func two(t testing.TB, r *seal.Ring) (a, c *seal.Session) {
	t.Helper()
	a, c = session(t, "ab", r), session(t, "cd", r)
	hear(t, a, "cd", c)
	hear(t, c, "ab", a)
	return a, c
}

func sealed(t testing.TB, s *seal.Session, k seal.Kind, to, text string) []byte {
	t.Helper()
	m, err := s.Seal(k, to, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func opens(t testing.TB, s *seal.Session, k seal.Kind, from string, m []byte, want string) {
	t.Helper()
	if got, err := s.Open(k, from, m); err != nil || string(got) != want {
		t.Errorf("Open = %q, %v, want %q", got, err, want)
	}
}

func refuses(t testing.TB, what string, s *seal.Session, k seal.Kind, from string, m []byte, want error) {
	t.Helper()
	if got, err := s.Open(k, from, m); !errors.Is(err, want) || got != nil {
		t.Errorf("%s: Open = %q, %v, want %v", what, got, err, want)
	}
}

func TestASealedMessageOpensOnceAndOnlyForItsReceiver(t *testing.T) {
	r := ring(shared)
	a, c := two(t, r)
	third := session(t, "ef", r)
	hear(t, third, "ab", a)
	hear(t, a, "ef", third)
	m := sealed(t, a, seal.Batch, "cd", "rows")
	if bytes.Contains(m, []byte("rows")) || len(m) > len("rows")+seal.Overhead {
		t.Errorf("sealed as %q", m)
	}
	refuses(t, "as an ack", c, seal.Ack, "ab", m, seal.ErrForged)
	refuses(t, "in another's name", c, seal.Batch, "ef", m, seal.ErrForged)
	refuses(t, "sent back", a, seal.Batch, "cd", m, seal.ErrEarlier)
	refuses(t, "to another", third, seal.Batch, "ab", m, seal.ErrEarlier)
	opens(t, c, seal.Batch, "ab", m, "rows")
	refuses(t, "again", c, seal.Batch, "ab", m, seal.ErrReplay)
	// A number seen with one kind may come with another.
	opens(t, c, seal.Ack, "ab", sealed(t, a, seal.Ack, "cd", "ack"), "ack")
	opens(t, c, seal.Verify, "ab", sealed(t, a, seal.Verify, "cd", ""), "")
}

func TestAnyChangedBitIsDetected(t *testing.T) {
	a, c := two(t, ring(shared))
	m := sealed(t, a, seal.Batch, "cd", "rows")
	for i := range len(m) * 8 {
		bad := bytes.Clone(m)
		bad[i/8] ^= 1 << (i % 8)
		if got, err := c.Open(seal.Batch, "ab", bad); err == nil {
			t.Fatalf("bit %d may change: %q", i, got)
		}
	}
	for i := range m {
		if got, err := c.Open(seal.Batch, "ab", m[:i]); err == nil {
			t.Fatalf("the first %d bytes suffice: %q", i, got)
		}
	}
	refuses(t, "longer", c, seal.Batch, "ab", append(bytes.Clone(m), 0), seal.ErrForged)
	opens(t, c, seal.Batch, "ab", m, "rows")
}

// The broker gives a node an old announcement, so that the wrong hint looks right: a message sealed
// for the earlier run still does not open.
func TestTheHintIsOnlyAHint(t *testing.T) {
	r := ring(shared)
	a, c := two(t, r)
	m := sealed(t, a, seal.Batch, "cd", "rows")
	later := session(t, "cd", r)
	refuses(t, "after a restart", later, seal.Batch, "ab", m, seal.ErrEarlier)
	nonce := later.Nonce()
	copy(m[4+1+len(shared.ID)+seal.NonceSize:], nonce[:4])
	refuses(t, "with the new hint", later, seal.Batch, "ab", m, seal.ErrForged)
	_ = c
}

func TestMessagesOfAnEarlierRunDoNotOpen(t *testing.T) {
	r := ring(shared)
	a, c := two(t, r)
	old := sealed(t, a, seal.Ack, "cd", "ack")
	again := session(t, "cd", r)
	hear(t, again, "ab", a)
	refuses(t, "the receiver has restarted", again, seal.Ack, "ab", old, seal.ErrEarlier)

	opens(t, c, seal.Ack, "ab", old, "ack")
	restarted := session(t, "ab", r)
	hear(t, restarted, "cd", c)
	opens(t, c, seal.Ack, "ab", sealed(t, restarted, seal.Ack, "cd", "new"), "new")
	refuses(t, "the sender has restarted", c, seal.Ack, "ab", old, seal.ErrReplay)
}

// However often the sender restarts, nothing opens twice, and late messages of a run are accepted
// as long as it is among the latest.
func TestManyRunsOfASender(t *testing.T) {
	r := ring(shared)
	c := session(t, "cd", r)
	var all, kept [][]byte
	for i := range 20 {
		a := session(t, "ab", r)
		hear(t, a, "cd", c)
		first := sealed(t, a, seal.Batch, "cd", "first")
		kept = append(kept, sealed(t, a, seal.Batch, "cd", "second"))
		opens(t, c, seal.Batch, "ab", first, "first")
		all = append(all, first)
		for _, m := range all {
			refuses(t, fmt.Sprint("in run ", i), c, seal.Batch, "ab", m, seal.ErrReplay)
		}
	}
	opens(t, c, seal.Batch, "ab", kept[19], "second")
	opens(t, c, seal.Batch, "ab", kept[16], "second")
	refuses(t, "from a run long ago", c, seal.Batch, "ab", kept[0], seal.ErrReplay)
}

// A client that starts endless runs is eventually refused. It does not use up anyone else's share, and its existing
// runs go on.
func TestOneClientsRunsKeepNobodyOut(t *testing.T) {
	r := ring(shared)
	c := session(t, "cd", r)
	begin := func(client string) (a *seal.Session, err error) {
		t.Helper()
		a = session(t, client, r)
		hear(t, a, "cd", c)
		_, err = c.Open(seal.Batch, client, sealed(t, a, seal.Batch, "cd", "first"))
		return a, err
	}
	first, err := begin("ab")
	if err != nil {
		t.Fatal(err)
	}
	again := sealed(t, first, seal.Batch, "cd", "again")
	opens(t, c, seal.Batch, "ab", again, "again")
	var last *seal.Session
	for begun := 1; err == nil; begun++ {
		if begun > 100_000 {
			t.Fatal("a client may start endless runs")
		}
		var a *seal.Session
		if a, err = begin("ab"); err == nil {
			last = a
		}
	}
	if !errors.Is(err, seal.ErrFull) {
		t.Fatal(err)
	}
	for _, client := range []string{"ef", "gh"} {
		for i := range 1000 {
			if _, err := begin(client); err != nil {
				t.Fatalf("run %d of %s: %v", i+1, client, err)
			}
		}
	}
	opens(t, c, seal.Batch, "ab", sealed(t, last, seal.Batch, "cd", "goes on"), "goes on")
	refuses(t, "of the first run", c, seal.Batch, "ab", again, seal.ErrReplay)
	if _, err := begin("ab"); !errors.Is(err, seal.ErrFull) {
		t.Errorf("one more run: %v", err)
	}
}

// A holder of the shared key may invent names. That does not keep out clients already met.
func TestInventedNamesKeepNoKnownClientOut(t *testing.T) {
	r := ring(shared)
	c := session(t, "cd", r)
	begin := func(client string) error {
		a := session(t, client, r)
		hear(t, a, "cd", c)
		_, err := c.Open(seal.Batch, client, sealed(t, a, seal.Batch, "cd", "first"))
		return err
	}
	err := begin("ab")
	for i := 0; err == nil; i++ {
		if i > 100_000 {
			t.Fatal("names may be invented without end")
		}
		err = begin(fmt.Sprint("name-", i))
	}
	if !errors.Is(err, seal.ErrFull) {
		t.Fatal(err)
	}
	if err := begin("ab"); err != nil {
		t.Errorf("a known client: %v", err)
	}
}

// Nor does it keep out configured clients, even new ones; and announcements of invented names take no more memory.
func TestInventedNamesKeepNoConfiguredClientOut(t *testing.T) {
	r := ring(shared)
	c := session(t, "cd", r)
	c.Named = []string{"ab"}
	announce := func(client string) (*seal.Session, error) {
		a := session(t, client, r)
		hear(t, a, "cd", c)
		boxes, err := a.Boxes([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		nonce := a.Nonce()
		_, h, err := c.Hear(client, nonce[:], boxes)
		if err != nil {
			t.Fatal(err)
		}
		return a, c.Meet(client, h)
	}
	var met, opened error
	for i := 0; met == nil || opened == nil; i++ {
		if i > 2000 {
			t.Fatalf("names may be made up without end: %v, %v", met, opened)
		}
		name := fmt.Sprint("name-", i)
		var a *seal.Session
		a, met = announce(name)
		_, opened = c.Open(seal.Batch, name, sealed(t, a, seal.Batch, "cd", "first"))
	}
	if !errors.Is(met, seal.ErrFull) || !errors.Is(opened, seal.ErrFull) {
		t.Errorf("one more: %v, %v", met, opened)
	}
	a, err := announce("ab")
	if err != nil {
		t.Errorf("a configured client announces itself: %v", err)
	}
	opens(t, c, seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "late"), "late")
	opens(t, a, seal.Ack, "cd", sealed(t, c, seal.Ack, "ab", "ack"), "ack")
}

// Hearing an announcement again, even an old one, never reuses a number.
func TestAnOldAnnouncementReusesNoNumber(t *testing.T) {
	r := ring(shared)
	a, c := two(t, r)
	earlier := session(t, "cd", r)
	one := sealed(t, a, seal.Batch, "cd", "one")
	hear(t, a, "cd", earlier)
	refuses(t, "for another run", c, seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "lost"), seal.ErrEarlier)
	hear(t, a, "cd", c)
	two := sealed(t, a, seal.Batch, "cd", "one")
	if bytes.Equal(one, two) {
		t.Fatal("the same message was sealed twice as the same bytes")
	}
	opens(t, c, seal.Batch, "ab", two, "one")
	opens(t, c, seal.Batch, "ab", one, "one")
}

func TestNothingIsSealedForUnknownClients(t *testing.T) {
	a, _ := two(t, ring(shared))
	for _, to := range []string{"ef", "cd"} {
		a.Part("cd")
		if m, err := a.Seal(seal.Batch, to, nil); !errors.Is(err, seal.ErrUnmet) {
			t.Errorf("Seal for %s = %x, %v", to, m, err)
		}
		if _, ok := a.Met(to); ok {
			t.Errorf("%s is known", to)
		}
	}
}

func TestAnnouncementsAreBoundToTheirClientAndRun(t *testing.T) {
	r := ring(shared)
	a, c := session(t, "ab", r), session(t, "cd", r)
	boxes, err := c.Boxes([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	nonce, other := c.Nonce(), a.Nonce()
	for _, bad := range []struct {
		what, client string
		nonce        []byte
		boxes        seal.Boxes
		want         error
	}{
		{"another's name", "ef", nonce[:], boxes, seal.ErrForged},
		{"another run", "cd", other[:], boxes, seal.ErrForged},
		{"a short nonce", "cd", nonce[:15], boxes, seal.ErrForm},
		{"no box", "cd", nonce[:], seal.Boxes{}, seal.ErrKey},
		{"another key", "cd", nonce[:], seal.Boxes{Second: map[string][]byte{"2025": boxes.Second["2026"]}}, seal.ErrKey},
		{"a short box", "cd", nonce[:], seal.Boxes{Second: map[string][]byte{"2026": boxes.Second["2026"][:39]}}, seal.ErrForged},
		{"no bytes", "cd", nonce[:], seal.Boxes{Second: map[string][]byte{"2026": nil}}, seal.ErrForged},
	} {
		if text, _, err := a.Hear(bad.client, bad.nonce, bad.boxes); !errors.Is(err, bad.want) || text != nil {
			t.Errorf("%s: Hear = %q, %v, want %v", bad.what, text, err, bad.want)
		}
	}
	for i := range boxes.Second["2026"] {
		bad := bytes.Clone(boxes.Second["2026"])
		bad[i] ^= 1
		if _, _, err := a.Hear("cd", nonce[:], seal.Boxes{Second: map[string][]byte{"2026": bad}}); err == nil {
			t.Errorf("byte %d may change", i)
		}
	}
}

// Two nodes with a pair key do not understand a third one with only the shared key.
func TestPairKeysTakePrecedence(t *testing.T) {
	pairA, pairC := key("pair", "of two", "cd"), key("pair", "of two", "ab")
	a, c := session(t, "ab", ring(shared, pairA)), session(t, "cd", ring(shared, pairC))
	hear(t, a, "cd", c)
	hear(t, c, "ab", a)
	if id, _ := a.Met("cd"); id != "pair" {
		t.Errorf("got key %q", id)
	}
	opens(t, c, seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "rows"), "rows")
	// A client with only the shared key cannot pose as ab to cd.
	false1 := session(t, "ab", ring(shared))
	boxes, err := false1.Boxes(nil)
	if err != nil {
		t.Fatal(err)
	}
	nonce := false1.Nonce()
	if _, _, err := c.Hear("ab", nonce[:], boxes); !errors.Is(err, seal.ErrKey) {
		t.Errorf("the announcement under the shared key: %v", err)
	}
	hear(t, false1, "cd", c)
	refuses(t, "under the shared key", c, seal.Batch, "ab", sealed(t, false1, seal.Batch, "cd", "rows"), seal.ErrKey)
}

// The steps of docs/security.md, one node after the other: at each step, any two
// nodes understand each other.
func TestKeysCanBeRolled(t *testing.T) {
	older, newer := key("2025", "old"), key("2026", "new")
	steps := []*seal.Ring{ring(older), ring(older, newer), ring(newer, older), ring(newer)}
	for i := range len(steps) - 1 {
		for _, pair := range [][2]*seal.Ring{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}, {steps[i], steps[i]}} {
			a, c := session(t, "ab", pair[0]), session(t, "cd", pair[1])
			hear(t, a, "cd", c)
			hear(t, c, "ab", a)
			opens(t, c, seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "rows"), "rows")
			opens(t, a, seal.Ack, "cd", sealed(t, c, seal.Ack, "ab", "ack"), "ack")
		}
	}
	a, c := session(t, "ab", steps[0]), session(t, "cd", steps[3])
	boxes, err := c.Boxes(nil)
	if err != nil {
		t.Fatal(err)
	}
	nonce := c.Nonce()
	if _, _, err := a.Hear("cd", nonce[:], boxes); !errors.Is(err, seal.ErrKey) {
		t.Errorf("nodes without a common key: %v", err)
	}
}

func TestRequired(t *testing.T) {
	var none *seal.Ring
	named := seal.NewRing([]seal.Key{shared}, []string{"cd"})
	for _, c := range []struct {
		r      *seal.Ring
		client string
		want   bool
	}{{none, "cd", false}, {named, "cd", true}, {named, "ab", false}, {ring(shared), "ab", true}} {
		if got := c.r.Required(c.client); got != c.want {
			t.Errorf("%+v: %s is required: %v", c.r, c.client, got)
		}
	}
	if none.RequiredOfAll() || named.RequiredOfAll() || !ring().RequiredOfAll() {
		t.Error("required of all is wrong")
	}
}

func TestSecretsAreReadAndNeverPrinted(t *testing.T) {
	s, err := seal.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := s.Reveal()
	if got, err := seal.ParseSecret(" " + text + "\n"); err != nil || got != s {
		t.Errorf("ParseSecret = %v", err)
	}
	for _, bad := range []string{"", "x", text[:43], text + text, "hunter2hunter2hunter2", strings.Repeat("A", 43) + "=", text[:10] + "\n" + text[10:] + "!"} {
		if _, err := seal.ParseSecret(bad); !errors.Is(err, seal.ErrSecret) {
			t.Errorf("ParseSecret(%q) = %v", bad, err)
		}
	}
	k := seal.Key{ID: "x", Secret: s}
	for _, v := range []any{s, &s, k, &k, []seal.Key{k}} {
		printed := fmt.Sprintf("%v %+v %#v %s %x %d %q", v, v, v, v, v, v, v)
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed += string(asJSON)
		for _, part := range []string{text, fmt.Sprintf("%x", s[:4]), strings.Trim(fmt.Sprint(s[:4]), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(s[:4]), "[]"), " ", ",")} {
			if strings.Contains(printed, part) {
				t.Errorf("%T prints the key: %s", v, printed)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{"a": true, "2026-11.x_Y": true, strings.Repeat("a", 32): true, "": false, strings.Repeat("a", 33): false, "a b": false, "ä": false, "a\n": false} {
		if got := seal.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v", id, got)
		}
	}
}

// golden compares bytes with a file that is never regenerated: running nodes rely on the format.
func golden(t testing.TB, name string, got []byte) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if got != nil && !bytes.Equal(got, text) {
		t.Errorf("%s:\ngot  %x\nwant %x", name, got, text)
	}
	return text
}

// pastSessions are sessions of ab and cd with known nonces.
func pastSessions(t testing.TB) (a, c *seal.Session, boxes seal.Boxes) {
	t.Helper()
	var random count
	r := ring(shared)
	var err error
	if a, err = seal.NewSession("ab", r, &random); err != nil {
		t.Fatal(err)
	}
	if c, err = seal.NewSession("cd", r, &random); err != nil {
		t.Fatal(err)
	}
	a.Mesh, c.Mesh = "site/", "site/"
	a.Now = func() time.Time { return time.UnixMilli(1_795_746_000_000) }
	c.Now = a.Now
	if boxes, err = c.Boxes([]byte(`{"client":"cd"}`)); err != nil {
		t.Fatal(err)
	}
	return a, c, boxes
}

func TestBytesMatchTheGoldenFiles(t *testing.T) {
	for form, name := range []string{"", "second-"} {
		a, c, boxes := pastSessions(t)
		if form == 0 {
			boxes.Second = nil
			golden(t, "box.bin", boxes.First["2026"])
		} else {
			golden(t, "second-box.bin", boxes.Second["2026"])
		}
		nonce := c.Nonce()
		_, h, err := a.Hear("cd", nonce[:], boxes)
		if err != nil || h.Old() != (form == 0) {
			t.Fatal(h.Old(), err)
		}
		if err := a.Meet("cd", h); err != nil {
			t.Fatal(err)
		}
		for _, k := range []seal.Kind{seal.Batch, seal.Ack, seal.Verify} {
			m := golden(t, name+"message-"+strconv.Itoa(int(k))+".bin", sealed(t, a, k, "cd", "msb and so on"))
			opens(t, c, k, "ab", m, "msb and so on")
		}
	}
}

// Two copies resumed from a live snapshot have the same key, run nonce and number. Only their random bytes differ.
func TestATwinReusesNoNonce(t *testing.T) {
	twins := func(then byte) *seal.Session {
		random := count(0)
		s, err := seal.NewSession("ab", ring(shared), &random)
		if err != nil {
			t.Fatal(err)
		}
		random = count(then)
		return s
	}
	a, twin := twins(30), twins(100)
	c := session(t, "cd", ring(shared))
	hear(t, a, "cd", c)
	hear(t, twin, "cd", c)
	x, y := sealed(t, a, seal.Batch, "cd", "from one"), sealed(t, twin, seal.Batch, "cd", "from the other")
	head := len(x) - len("from one") - 16
	if a.Nonce() != twin.Nonce() || bytes.Equal(x[head-15:head], y[head-15:head]) || !bytes.Equal(x[:head-23], y[:head-23]) {
		t.Errorf("the nonces are reused:\n%x\n%x", x, y)
	}
	opens(t, c, seal.Batch, "ab", x, "from one")
}

// A message held back for longer than a node remembers deletes does not open, however wrong the clocks are.
func TestMessagesExpire(t *testing.T) {
	for name, of := range map[string]struct {
		after, ahead time.Duration // time since sealing; how far the sender's clock is ahead of the receiver's
		old          bool
	}{
		"at once":                           {0, 0, false},
		"a day later":                       {24 * time.Hour, 0, false},
		"a month later":                     {31 * 24 * time.Hour, 0, true},
		"the sender's clock is a day ahead": {24 * time.Hour, 24 * time.Hour, false},
		"and a month later":                 {31 * 24 * time.Hour, 24 * time.Hour, true},
		"it is a day behind":                {time.Hour, -24 * time.Hour, false},
		"it is a month ahead":               {time.Hour, 31 * 24 * time.Hour, true},
	} {
		a, c := two(t, ring(shared))
		now := time.Now()
		a.Now = func() time.Time { return now.Add(of.ahead) }
		c.Now = func() time.Time { return now.Add(of.after) }
		c.MaxAge = 7 * 24 * time.Hour
		_, err := c.Open(seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "a row"))
		if errors.Is(err, seal.ErrOld) != of.old || err != nil != of.old {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two meshes on one broker may share a key and client names: whoever controls the broker cannot
// carry anything from one to the other.
func TestMeshesDoNotHearEachOther(t *testing.T) {
	a, c := session(t, "ab", ring(shared)), session(t, "cd", ring(shared))
	a.Mesh, c.Mesh = "north/", "south/"
	boxes, err := c.Boxes([]byte("announcement of cd"))
	if err != nil {
		t.Fatal(err)
	}
	nonce := c.Nonce()
	if _, _, err := a.Hear("cd", nonce[:], boxes); !errors.Is(err, seal.ErrForged) {
		t.Errorf("its announcement is heard: %v", err)
	}
	// A node with the first format is recognized by its announcement; see Hello.Old.
	if _, h, err := a.Hear("cd", nonce[:], seal.Boxes{First: boxes.First}); err != nil || !h.Old() {
		t.Errorf("the part for earlier nodes: %v, %v", h.Old(), err)
	}
	c.Mesh = "north/"
	hear(t, a, "cd", c)
	c.Mesh = "south/"
	if _, err := c.Open(seal.Batch, "ab", sealed(t, a, seal.Batch, "cd", "a row")); !errors.Is(err, seal.ErrForged) {
		t.Errorf("a message opens: %v", err)
	}
}

// FuzzOpen checks that only sealed messages open, and that hostile ones neither
// cause a panic nor keep good ones from opening.
func FuzzOpen(f *testing.F) {
	for k := range 3 {
		f.Add(golden(f, "message-"+strconv.Itoa(k+1)+".bin", nil), byte(k+1), "ab")
		f.Add(golden(f, "second-message-"+strconv.Itoa(k+1)+".bin", nil), byte(k+1), "ab")
	}
	f.Add([]byte("mss\x01\x01a"), byte(1), "ab")
	f.Add([]byte("msb\x02"), byte(1), "ab")
	f.Add([]byte{}, byte(2), "")
	f.Fuzz(func(t *testing.T, m []byte, k byte, from string) {
		_, c, _ := pastSessions(t)
		kind := seal.Kind(k%3 + 1)
		plain, err := c.Open(kind, from, m)
		if err == nil && !bytes.Equal(m, golden(t, "message-"+strconv.Itoa(int(kind))+".bin", nil)) && !bytes.Equal(m, golden(t, "second-message-"+strconv.Itoa(int(kind))+".bin", nil)) {
			t.Fatalf("%x opens as %q", m, plain)
		}
		if err != nil {
			opens(t, c, seal.Batch, "ab", golden(t, "message-1.bin", nil), "msb and so on")
		}
	})
}

// FuzzHear checks the same for announcements.
func FuzzHear(f *testing.F) {
	f.Add("cd", []byte("0123456789abcdef"), "2026", golden(f, "box.bin", nil))
	f.Add("cd", []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}, "2026", golden(f, "box.bin", nil))
	f.Add("cd", []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}, "2026", golden(f, "second-box.bin", nil))
	f.Add("", []byte{}, "", []byte{})
	f.Fuzz(func(t *testing.T, client string, nonce []byte, id string, box []byte) {
		a, _, _ := pastSessions(t)
		one := map[string][]byte{id: box}
		for _, boxes := range []seal.Boxes{{First: one}, {Second: one}} {
			text, _, err := a.Hear(client, nonce, boxes)
			if err == nil && !bytes.Equal(box, golden(t, "box.bin", nil)) && !bytes.Equal(box, golden(t, "second-box.bin", nil)) {
				t.Fatalf("%x opens as %q", box, text)
			}
		}
	})
}

// FuzzParseSecret checks that a parsed key survives writing and parsing.
func FuzzParseSecret(f *testing.F) {
	f.Add("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	f.Add("hunter2")
	f.Add("\n=")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := seal.ParseSecret(text)
		if err != nil {
			return
		}
		if again, err := seal.ParseSecret(s.Reveal()); err != nil || again != s {
			t.Errorf("%q is not read again: %v", text, err)
		}
	})
}

// BenchmarkSeal and BenchmarkOpen measure messages of the largest size and of an ack's size.
func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{64, 16 << 10, 256 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			a, _ := two(b, ring(shared))
			plain := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := a.Seal(seal.Batch, "cd", plain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{64, 16 << 10, 256 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			a, c := two(b, ring(shared))
			plain := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				b.StopTimer()
				m := sealed(b, a, seal.Batch, "cd", string(plain))
				b.StartTimer()
				if _, err := c.Open(seal.Batch, "ab", m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
