package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
)

// tls checks the keys of TLS below key and returns them with absolute paths.
//
// Existing files, after the example in the old documentation, have ca and cert
// without a key. Such a certificate was never shown to the server, so it is
// left out with a warning, and the file works as it did.
func (c *checker) tls(key string, f fileTLS) TLS {
	t := TLS{CA: c.paths(f.CA), Cert: c.paths(f.Cert), Key: c.paths(f.Key), RejectUnauthorized: f.RejectUnauthorized}
	for _, path := range t.CA {
		c.authorities(join(key, "ca"), path)
	}
	if len(t.Key) == 0 && !slices.ContainsFunc(t.Cert, lacksKey) {
		t.Key = t.Cert
	}
	certKey, keyKey := join(key, "cert"), join(key, "key")
	switch {
	case c.wrong(certKey) || c.wrong(keyKey):
	case len(t.Cert) > 0 && len(t.Key) == 0:
		c.warn(certKey, "is ignored because there is no key; add the certificate's key, or remove it")
		t.Cert = nil
	case len(t.Key) > 0 && len(t.Cert) == 0:
		c.warn(keyKey, "is ignored because there is no cert; add the key's certificate, or remove it")
		t.Key = nil
	case len(t.Cert) != len(t.Key):
		c.mistake(keyKey, "must list one file per certificate, in the same order: cert has %d, key has %d", len(t.Cert), len(t.Key))
	default:
		for i := range t.Cert {
			c.pair(certKey, keyKey, t.Cert[i], t.Key[i])
		}
	}
	return t
}

// lacksKey reports whether the file of a certificate does not hold its private
// key too, as the combined files of some servers do.
func lacksKey(path string) bool {
	content, err := readFile(path)
	return err != nil || !bytes.Contains(content, []byte("PRIVATE KEY-----"))
}

// authorities checks that the file at path holds certificates.
func (c *checker) authorities(key, path string) {
	if content := c.pem(key, path); content != nil && !x509.NewCertPool().AppendCertsFromPEM(content) {
		c.mistake(key, "%s contains no PEM certificate", path)
	}
}

// pair checks that the private key belongs to the certificate, and returns the
// certificate; nil is a mistake.
func (c *checker) pair(certKey, keyKey, certPath, keyPath string) *x509.Certificate {
	cert, key := c.pem(certKey, certPath), c.pem(keyKey, keyPath)
	if cert == nil || key == nil {
		return nil
	}
	if block, _ := pem.Decode(key); block != nil &&
		(strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")) {
		c.mistake(keyKey, "%s is encrypted; use a key without a passphrase", keyPath)
		return nil
	}
	if !x509.NewCertPool().AppendCertsFromPEM(cert) {
		c.mistake(certKey, "%s contains no PEM certificate", certPath)
		return nil
	}
	p, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.mistake(keyKey, "%s is not the key of %s: %s", keyPath, certPath, strings.TrimPrefix(err.Error(), "tls: "))
		return nil
	}
	return p.Leaf
}

// pem returns the content of a file, or nil when it cannot be read.
func (c *checker) pem(key, path string) []byte {
	if strings.Contains(path, "-----BEGIN") {
		c.mistake(key, "is PEM text; put it in a file and give its path")
		return nil
	}
	content, err := readFile(path)
	if err != nil {
		c.mistake(key, "%v", err)
		return nil
	}
	if len(content) == 0 {
		c.mistake(key, "%s is empty", path)
		return nil
	}
	return content
}
