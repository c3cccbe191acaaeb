package backup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Schema is the JSON Schema of a configuration's backup block.
//
//go:embed schema.json
var Schema []byte

// Config is a configuration's backup block. It holds secrets.
type Config struct {
	S3          S3       `koanf:"s3"`
	Key         string   `koanf:"key"`
	Every       string   `koanf:"every"`
	Keep        int      `koanf:"keep"`
	Restore     string   `koanf:"restore"` // off, auto
	EncryptTo   []string `koanf:"encryptTo"`
	DecryptWith string   `koanf:"decryptWith"`
	Lease       string   `koanf:"lease"`
}

// S3 says where a bucket is.
type S3 struct {
	Endpoint   string `koanf:"endpoint"`
	Bucket     string `koanf:"bucket"`
	Region     string `koanf:"region"`
	AccessKey  string `koanf:"accessKey"`
	SecretKey  string `koanf:"secretKey"`
	Addressing string `koanf:"addressing"` // auto, path, host
	CAFile     string `koanf:"caFile"`
}

// GoString hides the secrets.
func (c Config) GoString() string { return c.String() }

// String hides the secrets.
func (c Config) String() string { return c.S3.Bucket + "/" + c.Key }

// GoString hides the secrets.
func (s S3) GoString() string { return s.String() }

// String hides the secrets.
func (s S3) String() string { return s.Bucket }

// Backups manages the copies of one connector's state in a bucket. It is safe for concurrent use.
type Backups struct {
	bucket  *bucket
	key     string // of the newest copy
	who     ledger.Identity
	state   string // the path of the state file
	every   time.Duration
	keep    int
	auto    bool
	lease   time.Duration // 0: no lease
	encrypt []age.Recipient
	decrypt []age.Identity
	lineage func() (life, parent string) // of the state; "" without one
}

const (
	defaultKey   = "{org}/datahub/{hub}/connector/{id}/{file}"
	defaultEvery = 24 * time.Hour
	defaultKeep  = 30
	leastEvery   = time.Minute
	leastLease   = 5 * time.Second
)

// New returns the Backups of a state file. It does not connect yet. An error starts with the key of the block that it is
// about.
func New(c Config, who ledger.Identity, state string) (*Backups, error) {
	b := &Backups{who: who, state: state, keep: c.Keep, auto: c.Restore == "auto"}
	b.lineage = func() (life, parent string) {
		r, err := ledger.ReachedBy(context.Background(), state)
		if err != nil { // as if there were no state: nothing can run on an unreadable one
			return "", ""
		}
		return r.Life, r.Parent
	}
	if b.keep == 0 {
		b.keep = defaultKeep
	}
	var err error
	if b.key, err = expand(c.Key, who, state); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if b.every, err = duration("every", c.Every, defaultEvery, leastEvery); err != nil {
		return nil, err
	}
	if b.lease, err = duration("lease", c.Lease, 0, leastLease); err != nil {
		return nil, err
	}
	if len(c.EncryptTo) > 0 {
		if b.encrypt, err = age.ParseRecipients(strings.NewReader(strings.Join(c.EncryptTo, "\n"))); err != nil {
			return nil, errors.New("encryptTo: expected public keys as age-keygen prints them: age1…") // its own error may quote a secret key
		}
	}
	if c.DecryptWith != "" {
		if err := b.DecryptWith(c.DecryptWith); err != nil {
			return nil, fmt.Errorf("decryptWith: %w", err)
		}
	}
	if b.auto && b.encrypt != nil && b.decrypt == nil {
		return nil, errors.New("restore: \"auto\" needs decryptWith, or no copy could be read")
	}
	if b.bucket, err = newBucket(c.S3); err != nil {
		return nil, fmt.Errorf("s3.%w", err)
	}
	return b, nil
}

// DecryptWith sets the secret age keys, one per line, with which to decrypt copies. The error does not show them.
func (b *Backups) DecryptWith(secret string) error {
	list, err := age.ParseIdentities(strings.NewReader(secret))
	if err != nil {
		return errors.New("expected a secret key as age-keygen prints it: AGE-SECRET-KEY-1…")
	}
	b.decrypt = list
	return nil
}

// duration returns the value of a key, or missing if it is not set.
func duration(key, text string, missing, least time.Duration) (time.Duration, error) {
	if text == "" {
		return missing, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %q is not a duration", key, text)
	case d < least:
		return 0, fmt.Errorf("%s: %s is less than %s", key, text, least)
	}
	return d, nil
}
