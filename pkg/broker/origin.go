package broker

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// mayCome reports whether a request for a websocket is allowed. Browsers say which page asks (Origin), but let any page ask, with
// the access of the viewer's machine: so pages of other sites are refused. Other programs send no Origin, and are allowed.
// Promise 8.
func mayCome(c *config.Broker, r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	origin, ok := config.Origin(origins[0])
	return len(origins) == 1 && (slices.Contains(c.WSOrigins, config.Anyone) ||
		ok && (slices.Contains(c.WSOrigins, origin) || ownPage(c, origin, r)))
}

// ownPage reports whether a page is the node's own, or comes from the requested address itself. A name proves that only if the
// browser has seen its certificate: any name can point here for a moment ("DNS rebinding").
func ownPage(c *config.Broker, origin string, r *http.Request) bool {
	u, err := url.Parse(origin) // with a port unless it is the scheme's default
	if err != nil {
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	asked, ok := config.Origin(scheme + "://" + r.Host)
	if !ok {
		return false
	}
	a, err := url.Parse(asked)
	if err != nil || !sameHost(u.Hostname(), a.Hostname(), r.TLS != nil) {
		return false
	}
	_, page, _ := net.SplitHostPort(c.Page)
	return port(u) == port(a) || port(u) == page
}

// sameHost reports whether two hosts are one machine.
func sameHost(one, two string, certified bool) bool {
	_, noAddress := netip.ParseAddr(one)
	return one == two && (noAddress == nil || certified) || isLoopback(one) && isLoopback(two)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
