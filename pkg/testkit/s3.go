package testkit

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// S3 is an object store with S3's API.
type S3 struct {
	Addr   string // host:port, without TLS
	Access string
	Secret string
	Folder string // with a folder for each bucket, and in it a file for each object

	tb      TB
	program string
	port    int
	child   *child
}

// s3 is this process's store.
var s3 struct {
	sync.Mutex
	store *S3
}

// SharedS3 returns a store that all tests of the process share. A folder in its Folder is a bucket.
func SharedS3(tb TB) *S3 {
	tb.Helper()
	s3.Lock()
	defer s3.Unlock()
	if s3.store == nil {
		s3.store = NewS3(lasting{TB: tb})
	}
	return s3.store
}

// NewS3 starts a store with a bucket of each name. Its server is built once, from the version that
// tools/peers/go.mod names, and kept in the cache.
func NewS3(tb TB, buckets ...string) *S3 {
	tb.Helper()
	program, err := s3Server()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	s := &S3{tb: tb, program: program, Access: "access", Secret: "not-so-secret", port: FreePort(tb), Folder: folder(tb, "")}
	s.Addr = net.JoinHostPort(loopback, strconv.Itoa(s.port))
	for _, b := range buckets {
		if err := os.Mkdir(filepath.Join(s.Folder, b), 0o755); err != nil {
			tb.Fatalf("make a bucket: %v", err)
		}
	}
	tb.Cleanup(func() { s.Stop() })
	s.Start()
	return s
}

// Start starts the store again after Stop.
func (s *S3) Start() {
	s.tb.Helper()
	cmd := exec.Command(s.program, "--quiet", "--port", s.Addr, "posix", s.Folder)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.Access, "ROOT_SECRET_KEY="+s.Secret)
	var err error
	if s.child, err = spawn("versitygw", cmd); err != nil {
		s.tb.Fatalf("%v", err)
	}
	if err := s.child.await(func() error {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			err = c.Close()
		}
		return err
	}); err != nil {
		s.tb.Fatalf("%v", err)
	}
}

// Stop kills the store. Its objects stay.
func (s *S3) Stop() {
	if s.child != nil {
		s.child.kill()
		s.child = nil
	}
}

// s3Server returns the path of the server.
var s3Server = sync.OnceValues(func() (string, error) {
	return peer("peers", "github.com/versity/versitygw/cmd/versitygw", "versitygw")
})
