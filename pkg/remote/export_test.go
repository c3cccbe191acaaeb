package remote

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// TakeForTest is take.
func (b *Budgets) TakeForTest(ctx context.Context, l Limit, patience time.Duration) (time.Duration, error) {
	return b.take(ctx, l, patience)
}

// EnterForTest is enter.
func (b *Budgets) EnterForTest(ctx context.Context, l Limit, patience time.Duration) (func(bool), time.Duration, error) {
	return b.enter(ctx, l, patience)
}

// ProxyForTest has a client use a proxy.
func (c *Client) ProxyForTest(at *url.URL) {
	c.plain.Transport.(transport).Proxy = http.ProxyURL(at)
	c.public.Proxy = http.ProxyURL(at)
}
