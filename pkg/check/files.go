package check

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
)

// checkFiles checks queueDirectory, and the addresses that the node listens on, unless it is running and already has them.
func checkFiles(ctx context.Context, cfg *config.Config, running bool) []finding.Finding {
	f := &finding.List{Area: AreaFiles}
	checkQueue(f, cfg.QueueDirectory)
	if !running {
		for _, l := range []struct{ key, address string }{
			{"http.listen", cfg.HTTP.Listen}, {"broker.listen", cfg.Broker.Listen}, {"broker.wsListen", cfg.Broker.WSListen},
		} {
			checkAddress(ctx, f, l.key, l.address)
		}
	}
	return f.Found
}

// checkQueue finds out whether the node can write to its directory, by creating and removing a file. The node creates a
// missing directory: then the closest existing parent counts.
func checkQueue(f *finding.List, dir string) {
	const key = "queueDirectory"
	at := dir
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	switch {
	case err != nil:
		f.Wrongf(key, "Name a directory that the node's user can write to.", "%v", err)
		return
	case !info.IsDir():
		f.Wrongf(key, "Name a directory.", "%s is not a directory", at)
		return
	}
	probe, err := os.CreateTemp(at, ".mysql-sync-check-*")
	if err != nil {
		f.Wrongf(key, "Run this as the node's user; then make the directory writable for it, or name another.",
			"%s is not writable: the node would not start, since it records there how far it has captured", at)
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name()) // it was just created
	switch mode := info.Mode().Perm(); {
	case at != dir:
		f.Rightf(key, "%s will be created at the first start", dir)
	case mode&0o077 != 0:
		f.Warnf(key, "chmod 700 "+dir, "other users of this machine can read %s (mode %04o)", dir, mode)
	default:
		f.Rightf(key, "%s is writable and private", dir)
	}
}

// checkAddress finds out whether an address can be listened on.
func checkAddress(ctx context.Context, f *finding.List, key, address string) {
	if address == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		f.Wrongf(key, "Use another port, or stop the program that uses it.", "%v", err)
		return
	}
	_ = l.Close()
	f.Rightf(key, "%s is free", address)
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || host == "" || err == nil && ip.IsLoopback()
}
