package serve

import (
	"context"
	"log"
	"net"
	"slices"
	"sync"
)

// strangersMost is how many connections may be open of clients that have not shown the token, from anywhere. When one more comes, the
// oldest of the address with the most of them is closed: no crowd of strangers takes the memory or the files of the program, and
// none keeps out others, who need only a moment until they have shown it. Promise 10.
const strangersMost = 128

// crowd keeps the connections of strangers.
type crowd struct {
	log *log.Logger

	mu        sync.Mutex
	strangers []*visitor // the one that came first, first
}

// visitor is a connection that counts as a stranger's until it is let in or closed.
type visitor struct {
	net.Conn
	crowd *crowd
	from  string
}

// attended is a listener with a crowd.
type attended struct {
	net.Listener
	crowd *crowd
}

// Accept returns the next connection, as a stranger's.
func (a *attended) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{c, a.crowd, source(c.RemoteAddr().String())}
	if leaves := a.crowd.add(v); leaves != nil {
		a.crowd.log.Printf("closed a connection from %s, which had not shown the token, to make room for another", leaves.from)
		_ = leaves.Close() // it may be gone
	}
	return v, nil
}

// add notes a stranger, and returns the one that must go for it.
func (c *crowd) add(v *visitor) (leaves *visitor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.strangers) >= strangersMost {
		many := map[string]int{}
		for _, s := range c.strangers {
			if many[s.from]++; leaves == nil || many[s.from] > many[leaves.from] {
				leaves = s
			}
		}
		at := slices.IndexFunc(c.strangers, func(s *visitor) bool { return s.from == leaves.from })
		leaves = c.strangers[at]
		c.strangers = slices.Delete(c.strangers, at, at+1)
	}
	c.strangers = append(c.strangers, v)
	return leaves
}

// drop forgets a connection that was let in, or is gone.
func (c *crowd) drop(v *visitor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strangers = slices.DeleteFunc(c.strangers, func(s *visitor) bool { return s == v })
}

// Close ends the connection.
func (v *visitor) Close() error {
	v.crowd.drop(v)
	return v.Conn.Close()
}

// connKey leads from a request to its connection.
type connKey struct{}

// LetIn lets the connection of a request stay, however many come: its client has shown what only those have who may do so.
func LetIn(ctx context.Context) {
	c := ctx.Value(connKey{})
	if below, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = below.NetConn()
	}
	if v, ok := c.(*visitor); ok {
		v.crowd.drop(v)
	}
}
