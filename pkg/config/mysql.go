package config

import (
	"net"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// mysql checks the block mysqlConfig.
func (c *checker) mysql(f *fileMySQL) MySQL {
	m := MySQL{
		Host:           c.host("mysqlConfig.host", f.Host),
		Port:           f.Port,
		SocketPath:     c.Path(f.SocketPath),
		User:           f.User,
		Password:       f.Password,
		Database:       f.Database,
		Charset:        "utf8mb4",
		Timezone:       timezone(f.Timezone),
		ConnectTimeout: milliseconds(f.ConnectTimeout),
		LocalAddress:   f.LocalAddress,
	}
	// The npm package accepts names of character sets and of collations, in
	// upper or lower case. Its default, UTF8_GENERAL_CI, is a subset of
	// utf8mb4.
	if set, _, _ := strings.Cut(strings.ToLower(f.Charset), "_"); set != "" && set != "utf8" && set != "utf8mb3" && set != "utf8mb4" {
		c.Warnf("mysqlConfig.charset", "%s is ignored: the connection always uses utf8mb4, which can hold every character", keys.Show(f.Charset))
	}
	if m.LocalAddress != "" && net.ParseIP(m.LocalAddress) == nil {
		c.Mistakef("mysqlConfig.localAddress", "%s is not an IP address", keys.Show(m.LocalAddress))
	}
	if f.SSL != nil {
		t := c.tls("mysqlConfig.ssl", *f.SSL)
		m.TLS = &t
	}
	return m
}

// timezone returns one spelling for each time zone: Z, local or +hh:mm.
func timezone(s string) string {
	if strings.EqualFold(s, "UTC") {
		return "Z"
	}
	if s == "" || s == "Z" || s == "local" {
		return s
	}
	digits := strings.ReplaceAll(s[1:], ":", "") + "00"
	return s[:1] + digits[:2] + ":" + digits[2:4]
}

// host checks that s is only the name or address of a host, and returns it
// without the brackets of an IPv6 address. The value may contain a login, so
// messages do not repeat it.
func (c *checker) host(key, s string) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	_, _, hasPort := net.SplitHostPort(s)
	switch {
	case hasPort == nil && net.ParseIP(bare) == nil:
		c.Mistakef(key, "contains a port; put it in the key port")
	case strings.ContainsAny(s, "/@?# \t\r\n\x00"):
		c.Mistakef(key, "is not a host name or address")
	}
	return bare
}
