package remote

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
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
	public := transport{c.plain.Transport.(transport).Clone()}
	public.DialContext = (&net.Dialer{Timeout: connectTime, KeepAlive: keepAlive, Control: onlyPublic}).DialContext
	other.plain = &http.Client{Transport: public, CheckRedirect: c.plain.CheckRedirect}
	other.http = &http.Client{Transport: gate{&other, public}, CheckRedirect: follow}
	return &other
}

// onlyPublic refuses a connection to an address that is not public. It is called for each connection, after the host's
// name was resolved, so that neither a redirect nor another answer of the name server gets around it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() || shared.Contains(ip) {
		return ErrPrivate
	}
	return nil
}
