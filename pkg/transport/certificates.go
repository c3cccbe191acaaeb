package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// certificates has the authorities that this node trusts, and its own certificates.
type certificates struct {
	roots  *x509.CertPool // nil: the system's
	own    []tls.Certificate
	verify bool
	name   string // that the broker's certificate must have; "" means the host
}

// loadCertificates reads the PEM files of the configuration.
func loadCertificates(log *zap.Logger, c config.MQTT) (*certificates, error) {
	certs := &certificates{verify: c.RejectUnauthorized, name: c.ServerName}
	if len(c.CA) > 0 {
		certs.roots = x509.NewCertPool()
	}
	for _, file := range c.CA {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the broker's CA: %w", err)
		}
		if !certs.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the broker's CA: %s has no certificate", file)
		}
	}
	if len(c.Key) > 0 && len(c.Key) != len(c.Cert) {
		return nil, fmt.Errorf("read the client's certificates: %d cert files but %d key files", len(c.Cert), len(c.Key))
	}
	for i, file := range c.Cert {
		key := file // a file may contain both
		if len(c.Key) > 0 {
			key = c.Key[i]
		}
		own, err := loadOwn(file, key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		if own == nil {
			log.Warn("ignoring the client certificate: it has no key", zap.String("cert", file))
			continue
		}
		certs.own = append(certs.own, *own)
	}
	return certs, nil
}

// loadOwn reads a certificate and its key. If only the certificate's file is configured and it has no key, it returns
// nil: existing configurations name only a certificate, and connect without it.
func loadOwn(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	key := cert
	if keyFile != certFile {
		if key, err = os.ReadFile(keyFile); err != nil {
			return nil, err
		}
	} else if !bytes.Contains(cert, []byte("PRIVATE KEY-----")) {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s with the key %s: %w", certFile, keyFile, err)
	}
	return &pair, nil
}

// client returns the TLS configuration for a broker.
func (c *certificates) client(host string) *tls.Config {
	if c.name != "" {
		host = c.name
	}
	t := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         host,
		Certificates:       c.own,
		InsecureSkipVerify: true, // verifyBroker verifies
	}
	if c.verify {
		t.VerifyConnection = func(s tls.ConnectionState) error { return c.verifyBroker(s.PeerCertificates, host) }
	}
	return t
}

// verifyBroker does what crypto/tls does, but also accepts a certificate without subject alternative names whose common
// name is the host: common openssl recipes create such certificates.
func (c *certificates) verifyBroker(chain []*x509.Certificate, host string) error {
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	leaf := chain[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: c.roots, Intermediates: between})
	if err == nil {
		named := leaf
		if len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) == 0 {
			named = &x509.Certificate{DNSNames: []string{leaf.Subject.CommonName}}
		}
		err = named.VerifyHostname(host)
	}
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
