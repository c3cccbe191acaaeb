package serve

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

const token = "a token of the test that is long enough"

func testDoor(token string) *Door {
	return NewDoor(token, Words{Program: "program", Of: "node"}, NewSite(static))
}

func TestSessionsEndWithTheirTimeAndToken(t *testing.T) {
	d := testDoor(token)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/login", strings.NewReader("token="+token))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.Login(w, r)
	r = httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	if !d.session(r) || !testDoor(token).session(r) {
		t.Error("a session does not outlive a restart")
	}
	if testDoor("the wrong token").session(r) {
		t.Error("a session outlives its token")
	}
	d.now = func() time.Time { return time.Now().Add(sessionTime + time.Second) }
	if d.session(r) {
		t.Error("a session lasts too long")
	}
}

func TestTriesAreRefilled(t *testing.T) {
	tries, now := NewTries(), time.Unix(1000, 0)
	for range triesMost {
		if tries.TooMany("a", now) {
			t.Fatal("too few tries")
		}
		tries.Wrong("a", now)
	}
	if !tries.TooMany("a", now) || tries.TooMany("b", now) {
		t.Error("a source that was wrong too often must wait, another must not")
	}
	if now = now.Add(tryEvery); tries.TooMany("a", now) {
		t.Error("after a while there is another try")
	}
	tries.Wrong("a", now)
	if !tries.TooMany("a", now) {
		t.Error("but only one")
	}
}

// Promise 10.
func TestSourcesAreBounded(t *testing.T) {
	tries, now := NewTries(), time.Unix(1000, 0)
	for i := range 3 * sourcesMost {
		tries.Wrong(strconv.Itoa(i), now)
	}
	if len(tries.paid) > sourcesMost+1 {
		t.Errorf("%d sources are kept", len(tries.paid))
	}
	if !tries.TooMany("new", now) {
		t.Error("sources without room do not count as one")
	}
	if now = now.Add(sourcesMost * 3 * tryEvery); tries.TooMany("new", now) || len(tries.paid) > 1 {
		t.Errorf("%d old sources are kept", len(tries.paid))
	}
}

func TestASourceIsOneMachinesAddresses(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "@": "others",
	} {
		if got := source(remote); got != want {
			t.Errorf("source of %s: got %s, want %s", remote, got, want)
		}
	}
}
