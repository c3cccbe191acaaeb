package transport

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// refusal tells whether a connection was refused for a reason that time does not cure: the broker does not take the
// login, the client's name or its certificate, or we do not take the broker's certificate.
func refusal(err error) bool {
	for _, code := range []error{
		packets.ErrorRefusedBadUsernameOrPassword,
		packets.ErrorRefusedNotAuthorised,
		packets.ErrorRefusedIDRejected,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	var theirs *tls.CertificateVerificationError
	if errors.As(err, &theirs) {
		return true
	}
	var ours *net.OpError // crypto/tls names a TLS alert from the other side so.
	return errors.As(err, &ours) && ours.Op == "remote error"
}
