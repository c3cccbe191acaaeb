package serve

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sessionTime is how long a login lasts.
const sessionTime = 7 * 24 * time.Hour

// Door asks for the token: programs send it as Authorization: Bearer (RFC 6750),
// people enter it in a form, which gives them a cookie. Sessions are not stored
// but signed with a key derived from the token: they survive a restart, and end
// when the token changes.
type Door struct {
	token  [sha256.Size]byte // its hash
	key    []byte            // signs sessions
	cookie string            // its name; cookies ignore ports, so each node has its own
	words  Words
	site   *Site
	tries  *Tries
	now    func() time.Time
}

// Words are what a program calls itself and its token.
type Words struct {
	Program string // such as mysql-sync
	Of      string // what the configuration belongs to, such as node
}

// NewDoor returns a door with a token, the key http.token of a configuration.
func NewDoor(token string, words Words, site *Site) *Door {
	key := hmac.New(sha256.New, []byte(token))
	key.Write([]byte(words.Program + " session"))
	d := &Door{token: sha256.Sum256([]byte(token)), key: key.Sum(nil), words: words, site: site, tries: NewTries(), now: time.Now}
	d.cookie = words.Program + "-" + hex.EncodeToString(d.sign("name")[:4])
	return d
}

// open are the paths that need no token: they reveal nothing of the data. A client
// that logs out may no longer have a session.
func open(path string) bool {
	name, part := strings.CutPrefix(path, "/static/")
	return path == "/healthz" || path == "/readyz" || path == "/login" || path == "/logout" || part && !strings.Contains(name, "/")
}

// bearer returns a program's token.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// CookieName is the name of the session's cookie; cookies ignore ports, so each token has its own.
func (d *Door) CookieName() string { return d.cookie }

// Knows reports whether a request has the token or a session. A wrong token counts as a try.
func (d *Door) Knows(r *http.Request) bool {
	token, ok := bearer(r)
	if d.session(r) || ok && d.try(r, token) == nil {
		LetIn(r.Context())
		return true
	}
	return false
}

// Guard lets clients through that have the token or a session.
func (d *Door) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := d.session(r)
		if known {
			LetIn(r.Context())
		}
		if known || open(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		token, ok := bearer(r)
		if !ok {
			d.turnAway(w, r, fmt.Errorf("token required: send Authorization: Bearer with http.token from the %s's configuration", d.words.Of))
			return
		}
		if err := d.try(r, token); err != nil {
			d.turnAway(w, r, err)
			return
		}
		LetIn(r.Context())
		next.ServeHTTP(w, r)
	})
}

// turnAway answers clients without a token: people get the form.
func (d *Door) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", strconv.Itoa(int(tryEvery/time.Second)))
	case r.Method == http.MethodGet && r.URL.Path == "/":
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", "login") // relative: a proxy may put a path before it
		w.WriteHeader(http.StatusSeeOther)
		return
	default:
		err = Kind(ErrUnknown, err)
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+d.words.Program+`"`)
	}
	Refuse(w, err)
}

// try compares a token with the right one, in constant time. A client that was wrong too often must wait, unless it has
// the right token: many clients may share one address, such as a proxy's. A token of the required length cannot be
// guessed.
func (d *Door) try(r *http.Request, token string) error {
	sum := sha256.Sum256([]byte(token))
	if hmac.Equal(sum[:], d.token[:]) {
		return nil
	}
	who, now := Sender(r), d.now()
	if d.tries.TooMany(who, now) {
		return Kind(ErrBusy, errors.New("too many wrong tokens: wait a little"))
	}
	d.tries.Wrong(who, now)
	return fmt.Errorf("the token is not the one of the %s's configuration (http.token)", d.words.Of)
}

// session reports whether a request has the cookie of a valid session.
func (d *Door) session(r *http.Request) bool {
	c, err := r.Cookie(d.cookie)
	if err != nil {
		return false
	}
	end, mac, _ := strings.Cut(c.Value, ".")
	given, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(given, d.sign(end)) {
		return false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	return err == nil && d.now().Before(time.Unix(seconds, 0))
}

func (d *Door) sign(text string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// setCookie sets the session's cookie, or deletes it if the age is negative.
func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookie, Value: value, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// ShowLogin shows the form.
func (d *Door) ShowLogin(w http.ResponseWriter, _ *http.Request) {
	d.site.ServeLogin(w, http.StatusOK, d.words, "")
}

// Login handles the form.
func (d *Door) Login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	err := d.try(r, strings.TrimSpace(r.PostFormValue("token")))
	switch {
	case errors.Is(err, ErrBusy):
		d.site.ServeLogin(w, http.StatusTooManyRequests, d.words, "Too many wrong tokens. Wait a little.")
	case err != nil:
		d.site.ServeLogin(w, http.StatusForbidden, d.words, "This is not the token.")
	default:
		end := strconv.FormatInt(d.now().Add(sessionTime).Unix(), 10)
		d.setCookie(w, r, end+"."+base64.RawURLEncoding.EncodeToString(d.sign(end)), sessionTime)
		back(w)
	}
}

// Logout ends the session of this browser.
func (d *Door) Logout(w http.ResponseWriter, r *http.Request) {
	d.setCookie(w, r, "", -time.Second)
	back(w)
}

// back redirects the browser to the page, which may ask for the token.
func back(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}
