package remote

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
)

// ErrPrivate is the error of an address that only this network reaches.
var ErrPrivate = errors.New("the address is private")

// shared are the addresses of RFC 6598, which are private too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// Public returns a client that connects only to public addresses, and shares everything else. Other addresses are
// ErrPrivate.
func (c *Client) Public() *Client {
	other := *c
	other.plain = &http.Client{Transport: c.public, CheckRedirect: c.plain.CheckRedirect}
	other.http = &http.Client{Transport: gate{client: &other, next: c.plain.Transport, public: c.public, reach: outside}, CheckRedirect: follow}
	return &other
}

// Anywhere returns a client that follows redirects to private addresses too, and shares everything else.
func (c *Client) Anywhere() *Client {
	other := *c
	other.http = &http.Client{Transport: gate{client: &other, next: c.plain.Transport, public: c.public, reach: anywhere}, CheckRedirect: follow}
	return &other
}

// reach is where requests may go.
type reach int

const (
	here    reach = iota // to the base's host, whatever its address, and where it redirects, to other hosts if they are public
	outside              // to public addresses
	anywhere
)

// public returns a copy of a transport that connects only to public addresses.
func (t transport) public() transport {
	public := transport{t.Clone()}
	public.DialContext = (&net.Dialer{Timeout: connectTime, KeepAlive: keepAlive, Control: onlyPublic}).DialContext
	return public
}

// onlyPublic refuses a connection to an address that is not public. It is called for each connection, after the host's
// name was resolved, so that neither a redirect nor another answer of the name server gets around it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !isPublic(at.Addr()) {
		return ErrPrivate
	}
	return nil
}

func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip)
}

// strayed reports whether a service has redirected a request to another host.
func strayed(r *http.Request) bool {
	first := r
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return !strings.EqualFold(first.URL.Hostname(), r.URL.Hostname())
}

// outside sends a request, but not into this network. What answers there is none of the business of a service that
// redirects to it, nor of a destination. A proxy resolves names itself, so only addresses can be checked then.
func (g gate) outside(r *http.Request) (*http.Response, error) {
	if proxy, err := g.public.Proxy(r); proxy != nil || err != nil {
		if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !isPublic(ip) {
			return nil, ErrPrivate
		}
		return g.next.RoundTrip(r)
	}
	return g.public.RoundTrip(r)
}
