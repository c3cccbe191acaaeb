package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// ownHost lets only requests through whose Host names this machine. It is for a
// listener on a loopback address: another name means that a page elsewhere has had
// its name point here ("DNS rebinding"), and its scripts would pass as ours.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !namesLoopback(r.Host) {
			refuse(w, status.Kind(ErrForbidden, fmt.Errorf("the host %.100q is not this machine: use localhost; a proxy must send Host: localhost", r.Host)))
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

// ownProfiles keeps Go's profiles, which hold what is in the memory, from those who
// come from elsewhere through a proxy. It is for a listener without a token.
func ownProfiles(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/debug/") && (!fromLoopback(r) || proxied(r.Header)) {
			refuse(w, status.Kind(ErrForbidden, errors.New("profiles are for those on the node's machine: set http.token to have them through a proxy")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// proxied reports whether a proxy has passed a request on, as far as it says so
// (RFC 9110 section 7.6.3, RFC 7239, and what was there before).
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
