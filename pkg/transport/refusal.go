package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// refusal reports whether a connection was refused for a reason that time does not fix: the broker does not accept the
// login or the client's name. distrust does the same for certificates.
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
	return false
}

// plainly strips the prefix "network Error :" from paho's errors.
func plainly(err error) error {
	if both, ok := err.(interface{ Unwrap() []error }); ok && errors.Is(err, packets.ErrorNetworkError) {
		list := both.Unwrap()
		return list[len(list)-1]
	}
	return err
}

// distrust says which configuration key to check if one side does not accept the other's certificate; "" if that is not
// the reason.
func (c *certificates) distrust(err error) string {
	var ours *net.OpError // crypto/tls returns this for a TLS alert from the other side
	if errors.As(err, &ours) && ours.Op == "remote error" {
		if len(c.own) == 0 {
			return "the broker wants a certificate of this node (mqttConfig.cert and key), or does not take its TLS"
		}
		return "the broker does not take this node's certificate (mqttConfig.cert and key)"
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return ""
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown) && c.roots == nil:
		return "the broker's certificate is of an authority that this machine does not know: name the authority's file in mqttConfig.ca"
	case errors.As(err, &unknown):
		return "the broker's certificate is of another authority than that of mqttConfig.ca"
	case errors.As(err, &name):
		return "the broker's certificate is for other names than that of mqttConfig.host"
	}
	return "the broker's certificate is not valid"
}

// Distrusted reports whether one side did not accept the other's certificate.
func Distrusted(err error) bool {
	return (&certificates{}).distrust(err) != ""
}
