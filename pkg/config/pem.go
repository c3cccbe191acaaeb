package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// tls checks the TLS keys below key and returns them with absolute paths.
//
// Existing files, following the example in the old documentation, have ca and
// cert without a key. Such a certificate was never presented to the server, so
// it is ignored with a warning, and the file works as before.
func (c *checker) tls(key string, f fileTLS) TLS {
	t := TLS{CA: c.Paths(f.CA), Cert: c.Paths(f.Cert), Key: c.Paths(f.Key), RejectUnauthorized: f.RejectUnauthorized}
	for _, path := range t.CA {
		c.authorities(keys.Join(key, "ca"), path)
	}
	if len(t.Key) == 0 && !slices.ContainsFunc(t.Cert, lacksKey) {
		t.Key = t.Cert
	}
	certKey, keyKey := keys.Join(key, "cert"), keys.Join(key, "key")
	switch {
	case c.Wrong(certKey) || c.Wrong(keyKey):
	case len(t.Cert) > 0 && len(t.Key) == 0:
		c.Warnf(certKey, "is ignored because there is no key; add the certificate's key, or remove it")
		t.Cert = nil
	case len(t.Key) > 0 && len(t.Cert) == 0:
		c.Warnf(keyKey, "is ignored because there is no cert; add the key's certificate, or remove it")
		t.Key = nil
	case len(t.Cert) != len(t.Key):
		c.Mistakef(keyKey, "must list one file per certificate, in the same order: cert has %d, key has %d", len(t.Cert), len(t.Key))
	default:
		for i := range t.Cert {
			c.pair(certKey, keyKey, t.Cert[i], t.Key[i])
		}
	}
	return t
}

// lacksKey reports whether a certificate's file lacks its private key, which
// the combined files of some servers include.
func lacksKey(path string) bool {
	content, err := keys.ReadFile(path)
	return err != nil || !bytes.Contains(content, []byte("PRIVATE KEY-----"))
}

// authorities checks that the file at path contains certificates.
func (c *checker) authorities(key, path string) {
	if content := c.pem(key, path); content != nil && !x509.NewCertPool().AppendCertsFromPEM(content) {
		c.Mistakef(key, "%s contains no PEM certificate", path)
	}
}

// pair checks that the private key belongs to the certificate, and returns the
// certificate, or nil after noting a mistake.
func (c *checker) pair(certKey, keyKey, certPath, keyPath string) *x509.Certificate {
	cert, key := c.pem(certKey, certPath), c.pem(keyKey, keyPath)
	if cert == nil || key == nil {
		return nil
	}
	if block, _ := pem.Decode(key); block != nil &&
		(strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")) {
		c.Mistakef(keyKey, "%s is encrypted; use a key without a passphrase", keyPath)
		return nil
	}
	if !x509.NewCertPool().AppendCertsFromPEM(cert) {
		c.Mistakef(certKey, "%s contains no PEM certificate", certPath)
		return nil
	}
	p, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.Mistakef(keyKey, "%s is not the key of %s: %s", keyPath, certPath, strings.TrimPrefix(err.Error(), "tls: "))
		return nil
	}
	return p.Leaf
}

// pem returns the content of a file, or nil when it cannot be read.
func (c *checker) pem(key, path string) []byte {
	if strings.Contains(path, "-----BEGIN") {
		c.Mistakef(key, "is PEM text; put it in a file and give its path")
		return nil
	}
	content, err := keys.ReadFile(path)
	if err != nil {
		c.Mistakef(key, "%v", err)
		return nil
	}
	if len(content) == 0 {
		c.Mistakef(key, "%s is empty", path)
		return nil
	}
	return content
}
