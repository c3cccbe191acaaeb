package testkit_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// refused returns nil if nobody listens at the address.
func refused(address string) error {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
		return errors.New("somebody listens")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("not refused: %w", err)
	}
	return nil
}
