package wire

import "strings"

// Account is a client as a broker knows it.
type Account struct {
	Client string
	Login  string // user name at the broker
	Topics Topics // of its mesh
	Joins  string // a hub that it is to join; "" is none
	Hub    bool   // sites can join it
}

// aclHead explains the file to its reader.
const aclHead = `# ACL for Mosquitto (acl_file), made by "mysql-sync acl": make it anew when a client comes or goes.
#
# A client publishes as itself alone, and reads what is for it, the presence of all (info, here) and the
# announcements of all (node). Who has no block here may do nothing.
#
# Weaker are the topics of version 1 of the protocol, change/{target} and info/{target}: they do not name their sender,
# so that a client can pose as another there, and in presence. Batches, their answers and verify name the sender in the
# topic, and there nobody can. Where all clients are nodes of this program, "mysql-sync acl --no-version-1" leaves
# the right to write change/{target} and info/{target} out.
`

// MosquittoACL returns the text of an ACL file that grants each account the topics that
// its client needs, and no others. With version1, clients may write changes and answers
// of version 1, whose topics do not name the sender. The format is that of acl_file in
// mosquitto.conf(5); VerneMQ's vmq_acl reads it too. Logins must be free of line breaks:
// see ValidLogin.
func MosquittoACL(accounts []Account, version1 bool) string {
	var b strings.Builder
	b.WriteString(aclHead)
	for _, a := range accounts {
		t, me := a.Topics, a.Client
		b.WriteString("\nuser " + a.Login + "\n")
		right := func(access string, topics ...string) {
			for _, topic := range topics {
				b.WriteString("topic " + access + " " + topic + "\n")
			}
		}
		right("readwrite", t.Info())
		right("write", t.ownPublications(me)[1:]...)
		right("read", t.NodeOf("+"), t.HereOf("+"), t.BatchOf(me, "+"), t.AckOf(me, "+"), t.VerifyOf(me, "+"), t.ChangeOf(me), t.InfoOf(me))
		if a.Hub {
			right("read", t.JoinOf(me, "+", "+"))
			right("write", t.JoinedOf(me, "+", "+"))
		}
		if a.Joins != "" {
			right("write", t.JoinOf(a.Joins, "+", "+"))
			right("read", t.JoinedOf(a.Joins, "+", "+"))
		}
		if version1 {
			b.WriteString("# Version 1, which does not name the sender:\n")
			right("write", t.ChangeOf("+"), t.InfoOf("+"))
		}
	}
	return b.String()
}

// ValidLogin reports whether a login can be written in an ACL file: it is one
// line, not empty, and neither begins nor ends with a space.
func ValidLogin(login string) bool {
	return login != "" && strings.TrimSpace(login) == login && !strings.ContainsFunc(login, func(r rune) bool { return r < ' ' || r == 0x7f })
}
