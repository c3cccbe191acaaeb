package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestPresenceOfANodeComesBack(t *testing.T) {
	for text, h := range map[string]wire.Here{
		`{"session":"18446744073709551615","link":3,"until":1715000005000,"info":true}`: {Session: 1<<64 - 1, Link: 3, Until: time.UnixMilli(1715000005000), Info: true},
		`{"session":"7","link":1,"until":1000,"sites":300}`:                             {Session: 7, Link: 1, Until: time.UnixMilli(1000), Sites: 300},
		`{"session":"7","link":1,"gone":true}`:                                          {Session: 7, Link: 1, Until: time.UnixMilli(0), Gone: true},
	} {
		if got := string(h.Encode()); got != text {
			t.Errorf("%s, want %s", got, text)
		}
		if got, err := wire.ParseHere([]byte(text)); err != nil || got != h {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestPresenceThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", "null", "{}", `{"session":7,"link":1}`, `{"session":"7"}`, `{"session":"0","link":1}`, `{"session":"7","link":-1}`,
		`{"session":"7","link":1,"until":-1}`, `{"session":"7","link":1,"sites":-1}`, `{"session":"7","link":1,"until":1e300}`, `{"session":"7","link":1,"info":1}`,
		`{"session":"7","link":1,"x":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		if h, err := wire.ParseHere([]byte(text)); err == nil {
			t.Errorf("%.60s is read as %+v", text, h)
		}
	}
}

func FuzzParseHere(f *testing.F) {
	f.Add([]byte(`{"session":"7","link":1,"until":1715000005000,"info":true}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := wire.ParseHere(payload)
		if err != nil {
			return
		}
		if again, err := wire.ParseHere(h.Encode()); err != nil || again.Session != h.Session || again.Gone != h.Gone || again.Info != h.Info || !h.Gone && !again.Until.Equal(h.Until) {
			t.Errorf("%+v comes back as %+v, %v", h, again, err)
		}
	})
}
