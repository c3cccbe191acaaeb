package testkit_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestMakeCertsMakesCertificatesThatTLSAccepts(t *testing.T) {
	dir := t.TempDir()
	make := func(args ...string) {
		t.Helper()
		if said, err := exec.Command("../../scripts/make-certs.sh", append([]string{dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("make-certs.sh %v: %v\n%s", args, err, said)
		}
	}
	make("broker.example,127.0.0.1", "alpha")
	make("broker.example", "beta") // A client added later.

	authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	for name, options := range map[string][]x509.VerifyOptions{
		"server": {{DNSName: "broker.example"}, {DNSName: "127.0.0.1"}},
		"alpha":  {{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}},
		"beta":   {{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}},
	} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			o.Roots = roots
			if _, err := pair.Leaf.Verify(o); err != nil {
				t.Errorf("%s for %+v: %v", name, o, err)
			}
		}
	}
}
