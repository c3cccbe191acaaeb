package testkit_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestProxyPassesCutsAndRestores(t *testing.T) {
	p := testkit.NewProxy(t, echo(t))
	one := dial(t, p)
	one.says(t, "hello")

	p.Cut()
	one.isClosed(t)
	two := dial(t, p)
	two.isClosed(t)

	p.Restore()
	three := dial(t, p)
	three.says(t, "again")

	p.CloseAll()
	three.isClosed(t)
	dial(t, p).says(t, "and again")
}

func TestProxyBlackholeKeepsConnectionsAndHoldsBytes(t *testing.T) {
	p := testkit.NewProxy(t, echo(t))
	one := dial(t, p)
	one.says(t, "before")

	p.Blackhole(true)
	one.send(t, "held")
	// A second connection goes the same way: anything let through would come back within this time.
	two := dial(t, p)
	two.send(t, "held too")
	two.isSilent(t)
	one.isSilent(t)

	p.Blackhole(false)
	one.hears(t, "held")
	two.hears(t, "held too")
}

func TestProxyDelaysBothDirections(t *testing.T) {
	p := testkit.NewProxy(t, echo(t))
	one := dial(t, p)
	const delay = 50 * time.Millisecond
	p.Delay(delay)
	start := time.Now()
	one.says(t, "there and back")
	if took := time.Since(start); took < 2*delay {
		t.Errorf("a round trip took %v, want at least %v", took, 2*delay)
	}
}

func TestProxyEndsAConnectionWhoseTargetIsGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dial(t, testkit.NewProxy(t, address)).isClosed(t)
}

// echo serves what it is sent, line by line, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

type line struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, p *testkit.Proxy) line {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return line{c, bufio.NewReader(c)}
}

func (l line) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(l, text+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (l line) hears(t *testing.T, want string) {
	t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(30 * time.Second))
	if got, err := l.in.ReadString('\n'); got != want+"\n" {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

func (l line) says(t *testing.T, text string) {
	t.Helper()
	l.send(t, text)
	l.hears(t, text)
}

func (l line) isClosed(t *testing.T) {
	t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(30 * time.Second))
	var late net.Error
	if b, err := l.in.ReadByte(); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Fatalf("the connection is open: read %q, %v", b, err)
	}
}

func (l line) isSilent(t *testing.T) {
	t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	var late net.Error
	if b, err := l.in.ReadByte(); !errors.As(err, &late) || !late.Timeout() {
		t.Fatalf("the connection is not silent: got %q, %v", b, err)
	}
}
