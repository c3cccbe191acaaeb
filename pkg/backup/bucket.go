package backup

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket is a bucket of an S3 service.
type bucket struct {
	client *minio.Client
	name   string
	clock  *clock
}

// What the service may answer other than success.
var (
	errMissing = errors.New("no such object")
	errDenied  = errors.New("access denied")
	errChanged = errors.New("the object has changed")
)

// attempts is how often a request is sent before its error counts; the pauses in between are shorter than a second.
const attempts = 4

// answerTime is how long a service may take to begin its answer.
const answerTime = 30 * time.Second

func newBucket(s S3) (*bucket, error) {
	host, secure := strings.TrimSuffix(s.Endpoint, "/"), true
	if rest, plain := strings.CutPrefix(host, "http://"); plain {
		host, secure = rest, false
	}
	host = strings.TrimPrefix(host, "https://")
	if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" {
		return nil, errors.New("endpoint: expected a host, such as s3.example.com or http://127.0.0.1:9000")
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = answerTime
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("caFile: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("caFile: has no certificate")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if (s.AccessKey == "") != (s.SecretKey == "") {
		return nil, errors.New("secretKey: goes together with accessKey")
	}
	b := &bucket{name: s.Bucket, clock: &clock{RoundTripper: transport}}
	o := &minio.Options{Secure: secure, Transport: b.clock, Region: s.Region, MaxRetries: attempts}
	switch s.Addressing {
	case "path":
		o.BucketLookup = minio.BucketLookupPath
	case "host":
		o.BucketLookup = minio.BucketLookupDNS
	}
	if s.AccessKey != "" {
		o.Creds = credentials.NewStaticV4(s.AccessKey, s.SecretKey, "")
	} else {
		o.Creds = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	if b.client, err = minio.New(host, o); err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	return b, nil
}

// gap is how long an object may be missing while it is replaced: some services remove it first.
const gap = 250 * time.Millisecond

// head returns an object's metadata: errMissing and errDenied distinguish the two ways of not getting it. An object counts
// as missing only if it stays missing: if a copy seemed to be gone for a moment, a connector would start from scratch.
func (b *bucket) head(ctx context.Context, key string) (minio.ObjectInfo, error) {
	info, err := b.client.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
	if err = b.told(err); errors.Is(err, errMissing) {
		t := time.NewTimer(gap)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return info, ctx.Err()
		case <-t.C:
		}
		info, err = b.client.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
		err = b.told(err)
	}
	return info, err
}

// put stores an object.
func (b *bucket) put(ctx context.Context, key string, r io.Reader, size int64, o minio.PutObjectOptions) (minio.UploadInfo, error) {
	info, err := b.client.PutObject(ctx, b.name, key, r, size, o)
	return info, b.told(err)
}

// get opens an object as it was when its metadata was read.
func (b *bucket) get(ctx context.Context, info minio.ObjectInfo) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	if err := o.SetMatchETag(info.ETag); err != nil {
		return nil, err
	}
	r, err := b.client.GetObject(ctx, b.name, info.Key, o)
	return r, b.told(err)
}

// copy copies an object, with its metadata, to another key.
func (b *bucket) copy(ctx context.Context, info minio.ObjectInfo, to string) error {
	_, err := b.client.ComposeObject(ctx, minio.CopyDestOptions{Bucket: b.name, Object: to}, minio.CopySrcOptions{Bucket: b.name, Object: info.Key, MatchETag: info.ETag})
	return b.told(err)
}

// list calls f for the objects whose keys have a prefix.
func (b *bucket) list(ctx context.Context, prefix string, f func(minio.ObjectInfo)) error {
	for o := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix}) {
		if o.Err != nil {
			return b.told(o.Err)
		}
		f(o)
	}
	return ctx.Err()
}

func (b *bucket) remove(ctx context.Context, key string) error {
	return b.told(b.client.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{}))
}

// abandonedAfter is how old a multipart upload must be to count as abandoned.
const abandonedAfter = 24 * time.Hour

// abandon removes the parts of killed uploads: they are invisible, but they cost money.
func (b *bucket) abandon(ctx context.Context, key string) error {
	old := false
	for u := range b.client.ListIncompleteUploads(ctx, b.name, key, true) {
		if u.Err != nil {
			return b.told(u.Err)
		}
		old = old || u.Key == key && b.clock.now().Sub(u.Initiated) > abandonedAfter
	}
	if !old {
		return ctx.Err()
	}
	return b.told(b.client.RemoveIncompleteUpload(ctx, b.name, key))
}

// told turns an error from the service into one to report and branch on.
func (b *bucket) told(err error) error {
	if err == nil {
		return nil
	}
	r, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok {
		return err
	}
	switch {
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %q", b.name)
	case r.StatusCode == http.StatusNotFound:
		return errMissing
	case r.StatusCode == http.StatusPreconditionFailed || r.StatusCode == http.StatusConflict:
		return errChanged
	case r.StatusCode == http.StatusForbidden:
		if off := b.clock.off().Round(time.Second); off.Abs() > 10*time.Minute {
			return fmt.Errorf("%w: this machine's clock differs from the service's by %s", errDenied, off)
		}
		return fmt.Errorf("%w: %s", errDenied, r.Code)
	}
	return fmt.Errorf("%w (%s, request %s)", err, r.Code, r.RequestID)
}

// clock tells the service's time, which its answers carry.
type clock struct {
	http.RoundTripper

	mu   sync.Mutex
	date time.Time // as last reported
	at   time.Time // when, by this machine
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		c.mu.Lock()
		c.date, c.at = date, time.Now()
		c.mu.Unlock()
	}
	return answer, nil
}

// now returns the service's time; this machine's if the service has not reported any.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return time.Now()
	}
	return c.date.Add(time.Since(c.at)) // by the monotonic clock
}

// off returns how far this machine's clock is ahead of the service's.
func (c *clock) off() time.Duration { return time.Now().Round(0).Sub(c.now()) }
