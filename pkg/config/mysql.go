package config

import (
	"net"
	"strings"
)

// mysql checks the block mysqlConfig.
func (c *checker) mysql(f *fileMySQL) MySQL {
	m := MySQL{
		Host:           c.host("mysqlConfig.host", f.Host),
		Port:           f.Port,
		SocketPath:     c.path(f.SocketPath),
		User:           f.User,
		Password:       f.Password,
		Database:       f.Database,
		Charset:        "utf8mb4",
		Timezone:       timezone(f.Timezone),
		ConnectTimeout: milliseconds(f.ConnectTimeout),
		LocalAddress:   f.LocalAddress,
	}
	// The npm package takes names of character sets and of collations, in
	// either case. Its default, UTF8_GENERAL_CI, is a part of utf8mb4.
	if set, _, _ := strings.Cut(strings.ToLower(f.Charset), "_"); set != "" && set != "utf8" && set != "utf8mb3" && set != "utf8mb4" {
		c.warn("mysqlConfig.charset", "%s is ignored: the connection always uses utf8mb4, which can hold every character", show(f.Charset, f.Charset))
	}
	if m.LocalAddress != "" && net.ParseIP(m.LocalAddress) == nil {
		c.mistake("mysqlConfig.localAddress", "%s is not an IP address", show(m.LocalAddress, m.LocalAddress))
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

// host checks that s is the name or address of a host and nothing more, and
// returns it without the brackets of an IPv6 address. The value may hold a
// login, so messages do not repeat it.
func (c *checker) host(key, s string) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	_, _, hasPort := net.SplitHostPort(s)
	switch {
	case hasPort == nil && net.ParseIP(bare) == nil:
		c.mistake(key, "contains a port; put it in the key port")
	case strings.ContainsAny(s, "/@?# \t\r\n\x00"):
		c.mistake(key, "is not a host name or address")
	}
	return bare
}
