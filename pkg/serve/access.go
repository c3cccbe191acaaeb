package serve

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// OwnHost lets only requests through whose Host names this machine. It is for a listener on a loopback address: another
// name means that a foreign page has pointed its own name here ("DNS rebinding"), and its scripts would pass as ours.
func OwnHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !namesLoopback(r.Host) {
			Refuse(w, Kind(ErrForbidden, fmt.Errorf("the host %.100q is not this machine: use localhost; a proxy must send Host: localhost", r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// OwnPages refuses what another origin's page makes a browser send: requests that write, and those that read at the API or Go's profiles.
// That page would not see the answer, but its visitors' browsers could have profiles made, remote nodes asked, and the places of
// those who may ask taken. Links from elsewhere to a page are fine.
func OwnPages(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if (site == "cross-site" || site == "same-site") && (strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/debug/")) {
			Refuse(w, Kind(ErrForbidden, errors.New("a page of another origin asks: open the address yourself")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// namesLoopback reports whether a Host header, with a port or without, is localhost
// or a loopback address.
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// OwnProfiles hides Go's profiles, which reveal memory contents, from requests that
// come through a proxy. It is for a listener without a token.
func OwnProfiles(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/debug/") && (!fromLoopback(r) || proxied(r.Header)) {
			Refuse(w, Kind(ErrForbidden, errors.New("profiles are for those on the node's machine: set http.token to have them through a proxy")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// proxied reports whether a request says that a proxy has passed it on (RFC
// 9110 section 7.6.3, RFC 7239, and the older headers).
func proxied(h http.Header) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

func fromLoopback(r *http.Request) bool {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && a.Addr().Unmap().IsLoopback()
}
