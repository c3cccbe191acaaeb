package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestBrokerNamesAreVerified(t *testing.T) {
	for _, x := range []struct {
		rule string
		cert x509.Certificate
		host string
		ok   bool
	}{
		{"an alternative name", x509.Certificate{DNSNames: []string{"broker.example"}}, "broker.example", true},
		{"an address", x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, "127.0.0.1", true},
		{"another name", x509.Certificate{DNSNames: []string{"broker.example"}}, "other.example", false},
		{"a common name alone", x509.Certificate{Subject: pkix.Name{CommonName: "broker.example"}}, "broker.example", true},
		{"a common name for several hosts", x509.Certificate{Subject: pkix.Name{CommonName: "*.example"}}, "broker.example", true},
		{"another common name", x509.Certificate{Subject: pkix.Name{CommonName: "broker.example"}}, "other.example", false},
		{"a common name does not count for an address", x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}}, "127.0.0.1", false},
		{"a common name does not count besides others", x509.Certificate{Subject: pkix.Name{CommonName: "broker.example"}, DNSNames: []string{"a.example"}}, "broker.example", false},
		{"no name", x509.Certificate{}, "", false},
	} {
		cert := selfSigned(t, x.cert)
		c := &certificates{roots: x509.NewCertPool()}
		c.roots.AddCert(cert)
		if err := c.verifyBroker([]*x509.Certificate{cert}, x.host); (err == nil) != x.ok {
			t.Errorf("%s: %v", x.rule, err)
		}
		stranger := &certificates{roots: x509.NewCertPool()}
		if err := stranger.verifyBroker([]*x509.Certificate{cert}, x.host); err == nil {
			t.Errorf("%s: accepted without an authority", x.rule)
		}
	}
}

func selfSigned(t *testing.T, template x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestBadTLSFilesAreNamed(t *testing.T) {
	certs := testkit.Certs(t)
	text := filepath.Join(t.TempDir(), "text.pem")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		c    config.MQTT
		says string
	}{
		{config.MQTT{CA: []string{"/nowhere/ca.crt"}}, "/nowhere/ca.crt"},
		{config.MQTT{CA: []string{text}}, text},
		{config.MQTT{Cert: []string{"/nowhere/client.crt"}}, "/nowhere/client.crt"},
		{config.MQTT{Cert: []string{text}, Key: []string{certs.ClientKey}}, text},
		{config.MQTT{Cert: []string{certs.ClientCert}, Key: []string{"/nowhere/client.key"}}, "/nowhere/client.key"},
		{config.MQTT{Cert: []string{certs.ClientCert}, Key: []string{certs.ServerKey}}, certs.ServerKey},
		{config.MQTT{Cert: []string{certs.ClientCert}, Key: []string{certs.ClientKey, certs.ClientKey}}, "2 key files"},
	} {
		if _, err := loadCertificates(zap.NewNop(), x.c); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%v, want an error that names %s", err, x.says)
		}
	}
}

// TestCertificateWithoutAKeyIsIgnored shows that the configuration in the old documentation, which
// names a certificate but no key, still works.
func TestCertificateWithoutAKeyIsIgnored(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	c, err := loadCertificates(zap.New(core), config.MQTT{Cert: []string{testkit.Certs(t).ClientCert}})
	if err != nil || len(c.own) != 0 || logs.Len() != 1 {
		t.Errorf("%v, %d certificates, %d warnings", err, len(c.own), logs.Len())
	}
}
