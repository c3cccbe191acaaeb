package join_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/join"
)

const ask = "fedcba9876543210"

// sides are a site and a hub that have exchanged a request.
func sides(t testing.TB) (site, hub join.Shared, message []byte, x join.Token, invitation join.PrivateKey) {
	t.Helper()
	x, invitation = token(t)
	key, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	message, site, err = join.Request{Ask: ask, Site: "store-17", Secret: x.Secret, Version: "1"}.Seal(key, x.HubKey, x.ID)
	if err != nil {
		t.Fatal(err)
	}
	r, public, hub, err := join.OpenRequest(message, invitation, x.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r.Site != "store-17" || r.Ask != ask || r.Secret != x.Secret || public != key.Public() {
		t.Errorf("got %+v", r)
	}
	return site, hub, message, x, invitation
}

func TestBothSidesDeriveTheSame(t *testing.T) {
	site, hub, _, _, _ := sides(t)
	if site.Key() != hub.Key() || site.Password() != hub.Password() || site.Words() != hub.Words() {
		t.Error("they differ")
	}
	other, _, _, _, _ := sides(t)
	if site.Key() == other.Key() || site.Password() == other.Password() || site.Words() == other.Words() {
		t.Error("another site derives the same")
	}
	if len(site.Words()) != 9 || strings.Contains(string(site.Password()), site.Words()[:4]) {
		t.Errorf("words: %s", site.Words())
	}
}

// The token and everything that went over the broker open nothing.
func TestTheTokenOpensNoMessage(t *testing.T) {
	_, hub, message, x, invitation := sides(t)
	answer, err := join.Answer{Waits: true}.Seal(hub, ask)
	if err != nil {
		t.Fatal(err)
	}
	thief, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	_, s, err := join.Request{Ask: ask, Site: "store-17", Secret: x.Secret}.Seal(thief, x.HubKey, x.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join.OpenAnswer(answer, s, ask); !errors.Is(err, join.ErrForged) {
		t.Errorf("the thief reads the answer: %v", err)
	}
	if bytes.Contains(message, []byte("store-17")) || bytes.Contains(message, x.Secret[:]) {
		t.Error("the request is in the clear")
	}
	if _, _, _, err := join.OpenRequest(message, thief, x.ID); err == nil {
		t.Error("the thief reads the request")
	}
	if _, _, _, err := join.OpenRequest(message, invitation, "0000000000000000"); err == nil {
		t.Error("the request counts for another invitation")
	}
}

// Before a site has derived its secret, it takes no answer: the broker could send one that was sealed with none.
func TestNoSecretOpensNothing(t *testing.T) {
	var none join.Shared
	sealed, err := join.Answer{Waits: true}.Seal(none, ask)
	if err == nil {
		t.Error("an answer is sealed with no secret")
	}
	for _, message := range [][]byte{sealed, nil, make([]byte, 100)} {
		if _, err := join.OpenAnswer(message, none, ask); !errors.Is(err, join.ErrForged) {
			t.Errorf("%d bytes: %v", len(message), err)
		}
	}
}

func TestAChangedMessageIsRefused(t *testing.T) {
	site, hub, message, x, invitation := sides(t)
	answer, err := join.Answer{Profile: &join.Profile{SyncTables: []string{"orders"}}, Tables: []json.RawMessage{[]byte(`{}`)}, Count: 1}.Seal(hub, ask)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := join.OpenAnswer(answer, site, ask); err != nil || a.Profile.SyncTables[0] != "orders" || len(a.Tables) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := join.OpenAnswer(answer, site, "0000000000000000"); err == nil {
		t.Error("the answer counts for another request")
	}
	for i := range answer {
		wrong := bytes.Clone(answer)
		wrong[i] ^= 1
		if _, err := join.OpenAnswer(wrong, site, ask); err == nil {
			t.Fatalf("byte %d of the answer is not authenticated", i)
		}
	}
	for i := range message {
		wrong := bytes.Clone(message)
		wrong[i] ^= 1
		if _, _, _, err := join.OpenRequest(wrong, invitation, x.ID); err == nil {
			t.Fatalf("byte %d of the request is not authenticated", i)
		}
		if _, _, _, err := join.OpenRequest(message[:i], invitation, x.ID); err == nil {
			t.Fatalf("%d bytes of the request are enough", i)
		}
	}
	if _, _, _, err := join.OpenRequest(make([]byte, 1000), invitation, x.ID); err == nil {
		t.Error("a key of zeros is taken")
	}
}

// An answer that is small on the wire and large in memory is refused, and not sent: the hub sends fewer definitions at a time.
func TestALargeAnswerIsRefused(t *testing.T) {
	site, hub, _, _, _ := sides(t)
	unbounded := strings.Repeat("a", 2<<20)
	if _, err := (join.Answer{Tables: []json.RawMessage{[]byte(`"` + unbounded + `"`)}, Count: 1}).Seal(hub, ask); !join.Large(err) {
		t.Errorf("an answer is sent that the site would refuse: %v", err)
	}
	bomb, err := hub.SealPacked([]byte(`{"tables":["`+unbounded+`"],"count":1}`), ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join.OpenAnswer(bomb, site, ask); err == nil {
		t.Error("more than 2 MiB are taken")
	}
	var list []json.RawMessage
	for i := range 4096 {
		k, err := join.NewPrivateKey()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(k.Public())
		if err != nil {
			t.Fatal(i, err)
		}
		list = append(list, text)
	}
	if _, err := (join.Answer{Tables: list, Count: len(list)}).Seal(hub, ask); !join.Large(err) {
		t.Errorf("an answer that is too large is sent: %v", err)
	}
}

// No bytes make the hub panic, or take a request that was not sealed for its invitation.
func FuzzOpenRequest(f *testing.F) {
	_, _, message, x, invitation := sides(f)
	f.Add(message)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, _, err := join.OpenRequest(b, invitation, x.ID); err == nil && !bytes.Equal(b, message) {
			t.Error("another request is taken")
		}
	})
}
