package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// The times of a connection.
const (
	connectTime = 10 * time.Second
	keepAlive   = 30 * time.Second
)

// redirects is how many redirects a read follows.
const redirects = 5

// transport is a transport whose answers end with their context.
type transport struct{ *http.Transport }

// RoundTrip refuses what answers by another protocol: such a body is a connection, which no context ends.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.Transport.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		return nil, errors.Join(errSwitches, response.Body.Close())
	}
	return response, err
}

// newTransport returns a transport that verifies TLS against the system's authorities and those of a file.
func newTransport(caFile string) (transport, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return transport{}, fmt.Errorf("ca: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return transport{}, fmt.Errorf("ca: %s contains no certificate", caFile)
		}
		settings.RootCAs = pool
	}
	return transport{&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTime, KeepAlive: keepAlive}).DialContext,
		TLSClientConfig:        settings,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}}, nil
}

// attempt is one try of a request, as seen by the transport.
type attempt struct {
	request *Request
	sent    atomic.Bool // all of it has left, or may have
}

type attemptKey struct{}

// gate adds credentials to requests to the base's host, and in a dry run passes only reads.
type gate struct {
	client *Client
	next   http.RoundTripper
	public transport
	reach  reach
}

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	a, ok := r.Context().Value(attemptKey{}).(*attempt)
	if g.client.config.Dry != nil && (!ok || !a.request.Read) {
		return nil, ErrDry // Promise 4
	}
	if origin(r.URL) == origin(g.client.base) {
		r = r.Clone(r.Context())
		for _, header := range []http.Header{g.client.config.Header, a.request.Header} {
			for name, values := range header {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
		if g.client.config.Auth != nil {
			g.client.config.Auth.apply(r)
		}
	}
	switch {
	case g.reach == outside:
		return g.outside(r)
	case g.reach == here && strayed(r):
		answer, err := g.outside(r)
		if errors.Is(err, ErrPrivate) {
			err = fmt.Errorf("redirected to %.100s: %w; if that is right, configure that address", r.URL.Host, ErrPrivate)
		}
		return answer, err
	}
	return g.next.RoundTrip(r)
}

// watch returns a context that marks a as sent before anything of a request without a body is sent. A request with a
// body counts as sent once its end is: before that a service cannot have understood it.
func (a *attempt) watch(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, attemptKey{}, a)
	if a.request.length() > 0 {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.sent.Store(true) }})
}

// follow decides about a redirect. A write is never sent elsewhere; net/http would turn it into a GET.
func follow(r *http.Request, via []*http.Request) error {
	a, ok := r.Context().Value(attemptKey{}).(*attempt)
	switch {
	case !ok || !a.request.Read:
		return http.ErrUseLastResponse
	case len(via) > redirects:
		return errRedirects
	case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
		return errDowngrade
	case r.Body != nil && origin(r.URL) != origin(via[0].URL):
		return errElsewhere
	}
	r.Header.Del("Referer") // which has the query
	return nil
}

// hopeless reports whether a request's error will be the same next time.
func hopeless(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.Is(err, errRedirects) || errors.Is(err, errDowngrade) || errors.Is(err, errElsewhere) ||
		errors.Is(err, ErrDry) || errors.Is(err, errTooLarge) || errors.Is(err, ErrPrivate) || strings.Contains(err.Error(), "unsupported protocol scheme") ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
