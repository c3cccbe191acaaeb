package join_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// token returns a token that is valid, and the key of its invitation.
func token(t testing.TB) (join.Token, join.PrivateKey) {
	t.Helper()
	k, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	var secret seal.Secret
	copy(secret[:], "the secret of this one invitation")
	return join.Token{
		ID: "0123456789abcdef", Hub: "hq", Site: "store-*", Servers: []string{"ssl://hub.example.com:8883"}, Prefix: "acme",
		Username: "join-0123456789abcdef", Password: "pass word", Login: join.Made, Secret: secret, HubKey: k.Public(),
		Until: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), Uses: 1,
	}, k
}

func text(t testing.TB, x join.Token) string {
	t.Helper()
	s, err := x.Text()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATokenIsReadAsItWasMade(t *testing.T) {
	want, _ := token(t)
	ca, err := os.ReadFile(testkit.Certs(t).CA)
	if err != nil {
		t.Fatal(err)
	}
	want.CA = string(ca)
	written := text(t, want)
	wrapped := " " + written[:40] + "\r\n  " + written[40:] + "\n"
	for _, given := range []string{written, wrapped} {
		got, err := join.ParseToken(given)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%#v", text(t, got)) != fmt.Sprintf("%#v", written) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// A mistyped or missing character is reported as such, not as a token of another hub.
func TestAMistypedTokenIsToldAsSuch(t *testing.T) {
	x, _ := token(t)
	whole := text(t, x)
	for i := len("msync1_"); i < len(whole); i++ {
		other := "A"
		if whole[i] == 'A' {
			other = "B"
		}
		for _, wrong := range []string{whole[:i] + other + whole[i+1:], whole[:i], whole[:i] + whole[i+1:], whole[:i] + "€" + whole[i+1:]} {
			if _, err := join.ParseToken(wrong); !errors.Is(err, join.ErrMistyped) {
				t.Fatalf("at %d: %v", i, err)
			}
		}
	}
	for wrong, want := range map[string]error{
		"": join.ErrNoToken, "hello": join.ErrNoToken, "msync1": join.ErrNoToken, "msync1_": join.ErrMistyped, "msync2_abc": join.ErrNewer,
		"msync12_abc": join.ErrNewer, "msync_abc": join.ErrNoToken, "msyncx_abc": join.ErrNoToken,
		"msync1_" + strings.Repeat("A", join.TokenBytes): join.ErrNoToken, strings.Repeat(" ", 3*join.TokenBytes): join.ErrNoToken,
	} {
		if _, err := join.ParseToken(wrong); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", wrong, err, want)
		}
	}
}

// checked is a token with this content and a correct checksum.
func checked(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "msync1_" + base64.RawURLEncoding.EncodeToString(append([]byte(body), sum[:8]...))
}

// Anyone can make a token with a correct checksum, so its content is checked too.
func TestAHostileTokenIsRefused(t *testing.T) {
	x, _ := token(t)
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text(t, x), "msync1_"))
	if err != nil {
		t.Fatal(err)
	}
	whole := string(b[:len(b)-8])
	if _, err := join.ParseToken(checked(whole)); err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) string {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(whole), &m); err != nil {
			t.Fatal(err)
		}
		m[key] = value
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, body := range []string{
		"", "{}", "null", "[]", whole + "x", whole + whole, `{"id":` + strings.Repeat("[", 5000), with("other", 1), with("id", "../etc"), with("id", "0123456789ABCDEF"),
		with("hub", "h q"), with("hub", ""), with("site", "*"), with("site", "a/b"), with("site", "[a-z]*"), with("site", ""), with("servers", []string{}), with("servers", []string{"file:///etc/passwd"}),
		with("servers", []string{"ssl://user:secret@host"}), with("servers", []string{"ssl://"}), with("servers", make([]string, 99)), with("prefix", "a/#"), with("ca", "none"),
		with("key", "short"), with("hubKey", "AA"), with("hubKey", strings.Repeat("A", 43)), with("uses", 0), with("uses", 1<<40), with("login", "other"), with("until", "soon"),
		with("username", strings.Repeat("x", 300)),
	} {
		if _, err := join.ParseToken(checked(body)); !errors.Is(err, join.ErrContent) {
			t.Errorf("%.200s: %v", body, err)
		}
	}
}

// A token is never logged, whole or in parts, by printing what was read from it.
func TestNoSecretIsPrinted(t *testing.T) {
	x, k := token(t)
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		out := fmt.Sprintf(form, x) + fmt.Sprintf(form, k)
		for _, secret := range []string{string(x.Password), x.Secret.Reveal(), fmt.Sprintf("%x", x.Secret[:]), fmt.Sprintf("%x", string(x.Password))} {
			if strings.Contains(out, secret) {
				t.Errorf("%s prints %s", form, secret)
			}
		}
	}
}

// Reading any text ends, and whatever was read can be written and read again.
func FuzzParseToken(f *testing.F) {
	x, _ := token(f)
	f.Add(text(f, x))
	f.Add(checked("{}"))
	f.Add("msync2_x")
	f.Fuzz(func(t *testing.T, s string) {
		for _, given := range []string{s, checked(s)} {
			x, err := join.ParseToken(given)
			if err != nil {
				if x.ID != "" {
					t.Fatalf("an error comes with a token: %v", err)
				}
				continue
			}
			again, err := join.ParseToken(text(t, x))
			if err != nil || text(t, again) != text(t, x) {
				t.Fatalf("%v: %v, then %v", err, x, again)
			}
		}
	})
}
