package remote

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is how a client talks to a service. Zero values mean the defaults.
type Config struct {
	Base      string      // the address that paths are added to; credentials are sent only to its host
	Auth      Auth        // nil: none
	Header    http.Header // sent to the base's host with each request
	UserAgent string      // "mysql-sync-connector"
	CAFile    string      // additional certificate authorities, as PEM

	Tries    Tries
	MaxBytes int64 // of an answer, unpacked, 16 MiB

	Limits  []Limit  // the service's
	Budgets *Budgets // shared by the clients of a process; nil: its own
	Rules   Rules    // what statuses mean to this service
	// Wait returns how long a failed answer asks to wait, if the service says so in its own way.
	Wait func(status int, header http.Header, body []byte) (time.Duration, bool)

	// Waits is called before a request is retried, with the reason and the delay. It may be nil.
	Waits func(*Error, time.Duration)

	Secrets      []string // texts that no one may see, besides those of Auth
	SecretFields []string // JSON fields whose values no one may see

	// Dry makes the client send only declared reads, and what it needs to obtain a token. It is called with each
	// request not sent.
	Dry func(Sent)
}

// Tries says how long a client tries. Zero values mean the defaults.
type Tries struct {
	Most     int           // 5
	Timeout  time.Duration // of one try, 1 minute; for a stream, between two parts of it
	Pause    time.Duration // roughly how long to wait before the second try, 1 second; doubled each time
	MaxPause time.Duration // 1 minute
	Patience time.Duration // the longest that a client waits when a service or a budget asks to, 2 minutes; beyond it the error says how long
}

// Sent is a request that a dry run did not send, without its secrets.
type Sent struct {
	Operation string
	Method    string
	Host      string
	Header    http.Header
	Body      []byte
}

// A Client talks to one service. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	plain  *http.Client // for tokens: without credentials, and also in a dry run
	public transport
	http   *http.Client
}

// New returns a client. It sends nothing.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.Base)
	switch {
	case err != nil:
		return nil, errors.New("url: invalid URL") // which may have a password, so it is not shown
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("url: must begin with https:// or http://")
	case base.Hostname() == "":
		return nil, errors.New("url: has no host")
	}
	if base.User != nil {
		password, _ := base.User.Password()
		if c.Auth == nil {
			c.Auth = Basic(base.User.Username(), password)
		}
		c.Secrets = append(slices.Clip(c.Secrets), password)
		base.User = nil
	}
	c.Secrets = append(slices.Clip(c.Secrets), values(base.Query())...)
	for name, list := range c.Header {
		if !plainName.MatchString(name) {
			c.Secrets = append(c.Secrets, long(list)...)
		}
	}
	plain, err := newTransport(c.CAFile)
	if err != nil {
		return nil, err
	}
	c.UserAgent = or(c.UserAgent, "mysql-sync-connector")
	c.Tries.Timeout = or(c.Tries.Timeout, time.Minute)
	c.MaxBytes = or(c.MaxBytes, 16<<20)
	c.Tries.Most = or(c.Tries.Most, 5)
	c.Tries.Pause = or(c.Tries.Pause, time.Second)
	c.Tries.MaxPause = or(c.Tries.MaxPause, time.Minute)
	c.Tries.Patience = or(c.Tries.Patience, 2*time.Minute)
	if c.Budgets == nil {
		c.Budgets = NewBudgets(Memory())
	}
	client := &Client{config: c, base: base, public: plain.public()}
	client.plain = &http.Client{Transport: plain, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	client.http = &http.Client{Transport: gate{client: client, next: plain, public: client.public}, CheckRedirect: follow}
	return client, nil
}

// With returns a client with other credentials that shares everything else.
func (c *Client) With(auth Auth) *Client {
	other := *c
	other.config.Auth = auth
	other.http = &http.Client{Transport: gate{client: &other, next: c.plain.Transport, public: c.public}, CheckRedirect: follow}
	return &other
}

// Host is the service's host, with its port if it has one.
func (c *Client) Host() string { return c.base.Host }

// Owns reports whether an address is on the base's host, so that credentials are sent with it.
func (c *Client) Owns(address *url.URL) bool { return origin(address) == origin(c.base) }

// Address returns where a request for a path goes. It may contain secrets.
func (c *Client) Address(path string) (*url.URL, error) { return c.address(&Request{Path: path}) }

// HostOf returns the part of an address that may be shown; "" if it is not an address.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// address returns where a request goes: a path and a query below the base, or a whole address.
func (c *Client) address(r *Request) (*url.URL, error) {
	path := r.Path
	u := *c.base
	if strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://") {
		whole, err := url.Parse(path)
		if err != nil || whole.Hostname() == "" {
			return nil, errors.New("invalid URL")
		}
		whole.User = nil
		u = *whole
	} else if path != "" {
		path, query, _ := strings.Cut(path, "?")
		parsed, err := url.Parse(strings.TrimSuffix(u.EscapedPath(), "/") + "/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return nil, fmt.Errorf("invalid path %q", path)
		}
		u.Path, u.RawPath = parsed.Path, parsed.RawPath
		u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
	}
	u.RawQuery = strings.Trim(u.RawQuery+"&"+r.Query.Encode(), "&")
	return &u, nil
}

// host is where a request goes.
func (c *Client) host(r *Request) string {
	if u, err := c.address(r); err == nil {
		return u.Host
	}
	return c.base.Host
}

// redactor returns a Redactor for the secrets of the client and of a request.
func (c *Client) redactor(r *Request) *Redactor {
	secrets := append(append([]string{}, c.config.Secrets...), r.Secrets...)
	if c.config.Auth != nil {
		secrets = append(secrets, c.config.Auth.secrets()...)
	}
	for _, header := range []http.Header{c.config.Header, r.Header} {
		for name, list := range header {
			if secretName.MatchString(name) {
				secrets = append(secrets, list...)
			}
		}
	}
	return NewRedactor(secrets, c.config.SecretFields)
}

// values returns the values of a query that are long enough to be secrets.
func values(query url.Values) (list []string) {
	for _, all := range query {
		list = append(list, long(all)...)
	}
	return list
}

// long returns the texts that are long enough to be secrets.
func long(all []string) (list []string) {
	for _, v := range all {
		if len(v) >= 8 {
			list = append(list, v)
		}
	}
	return list
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
