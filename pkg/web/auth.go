package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// sessionTime is how long a login lasts.
const sessionTime = 7 * 24 * time.Hour

// door asks for the token: of programs as Authorization: Bearer (RFC 6750), of
// people in a form, which gives them a cookie. A session is not kept here but
// signed with a key made from the token: it outlives a restart, and ends when the
// token changes.
type door struct {
	token  [sha256.Size]byte // its hash
	key    []byte            // signs sessions
	cookie string            // its name; cookies do not know ports, so that of each node has its own
	tries  *tries
	now    func() time.Time
}

func newDoor(token string) *door {
	key := hmac.New(sha256.New, []byte(token))
	key.Write([]byte("mysql-sync session"))
	d := &door{token: sha256.Sum256([]byte(token)), key: key.Sum(nil), tries: newTries(), now: time.Now}
	d.cookie = "mysql-sync-" + hex.EncodeToString(d.sign("name")[:4])
	return d
}

// open are the paths that ask for no token: they tell nothing of the data. Who logs
// out may have no session any more.
func open(path string) bool {
	name, part := strings.CutPrefix(path, "/static/")
	return path == "/healthz" || path == "/readyz" || path == "/login" || path == "/logout" || part && !strings.Contains(name, "/")
}

// readyz asks for no token, so that those who restart nodes need none; the reason,
// which names the database and the broker, is for those who have shown it.
func (d *door) readyz(n Node, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if token, ok := bearer(r); d.session(r) || ok && d.try(r, token) == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if n.Health(r.Context()) != nil {
			refuse(w, status.Kind(status.ErrUnavailable, errors.New("not ready: send the token to see the reason, or run mysql-sync status")))
			return
		}
		_ = api{}.healthz(w, r) // which has no error
	}
}

// bearer returns the token that a program sends.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// guard lets those through who have the token or a session.
func (d *door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open(r.URL.Path) || d.session(r) {
			next.ServeHTTP(w, r)
			return
		}
		token, ok := bearer(r)
		if !ok {
			d.turnAway(w, r, errors.New("token required: send Authorization: Bearer with http.token from the node's configuration"))
			return
		}
		if err := d.try(r, token); err != nil {
			d.turnAway(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// turnAway answers those who have not shown a token: people get the form.
func (d *door) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", strconv.Itoa(int(tryEvery/time.Second)))
	case r.Method == http.MethodGet && r.URL.Path == "/":
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", "login") // relative: there may be a path of a proxy before it
		w.WriteHeader(http.StatusSeeOther)
		return
	default:
		err = status.Kind(ErrUnknown, err)
		w.Header().Set("WWW-Authenticate", `Bearer realm="mysql-sync"`)
	}
	refuse(w, err)
}

// try compares a token with the right one, in a time that does not depend on
// where they differ. One who was wrong too often has to wait, but not with the right
// one: many may come from one address, that of a proxy. No number of tries finds a
// token of the length that is asked for.
func (d *door) try(r *http.Request, token string) error {
	sum := sha256.Sum256([]byte(token))
	if hmac.Equal(sum[:], d.token[:]) {
		return nil
	}
	who, now := source(r.RemoteAddr), d.now()
	if d.tries.tooMany(who, now) {
		return status.Kind(ErrBusy, errors.New("too many wrong tokens: wait a little"))
	}
	d.tries.wrong(who, now)
	return errors.New("the token is not the one of the node's configuration (http.token)")
}

// session reports whether a request has the cookie of a login that still lasts.
func (d *door) session(r *http.Request) bool {
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

func (d *door) sign(text string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// setCookie gives a session, or ends it for an age below 0.
func (d *door) setCookie(w http.ResponseWriter, r *http.Request, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookie, Value: value, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// login answers the form.
func (d *door) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	err := d.try(r, strings.TrimSpace(r.PostFormValue("token")))
	switch {
	case errors.Is(err, ErrBusy):
		servePage(w, http.StatusTooManyRequests, "login.html", form{"Too many wrong tokens. Wait a little."})
	case err != nil:
		servePage(w, http.StatusForbidden, "login.html", form{"This is not the token."})
	default:
		end := strconv.FormatInt(d.now().Add(sessionTime).Unix(), 10)
		d.setCookie(w, r, end+"."+base64.RawURLEncoding.EncodeToString(d.sign(end)), sessionTime)
		back(w)
	}
}

// logout ends the session of this browser.
func (d *door) logout(w http.ResponseWriter, r *http.Request) {
	d.setCookie(w, r, "", -time.Second)
	back(w)
}

// back sends the browser to the page, which may ask for the token.
func back(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}

// form is what the login form shows.
type form struct{ Mistake string }
