package backup

import "sync/atomic"

// counter counts bytes and reports progress.
type counter struct {
	done  atomic.Int64
	total int64
	told  Progress
}

// Read is called with the bytes that were sent, as minio.PutObjectOptions.Progress requires: it reads nothing.
func (c *counter) Read(p []byte) (int, error) {
	c.told(min(c.done.Add(int64(len(p))), c.total), c.total) // bytes that are resent count once
	return len(p), nil
}

// Write counts what was received.
func (c *counter) Write(p []byte) (int, error) { return c.Read(p) }
