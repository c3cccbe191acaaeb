package check

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// LogReadable returns an error if changes are to be captured from the server's log, and that cannot be read.
func LogReadable(ctx context.Context, db *mysqldb.DB, cfg *config.Config) error {
	if cfg.Capture != config.CaptureLog {
		return nil
	}
	needs, err := choice.LogNeeds(ctx, db, cfg.MySQL)
	if err != nil {
		return err
	}
	var list []error
	for _, n := range needs {
		if n.Must {
			list = append(list, fmt.Errorf("capture: %s: %s. %s", n.About, n.What, n.Do))
		}
	}
	return errors.Join(list...)
}

// checkCapture checks what reading the server's log needs, if it is to be read, and reports whether it is.
func checkCapture(ctx context.Context, f *finding.List, db *mysqldb.DB, cfg *config.Config) (fromLog bool) {
	if cfg.Capture == config.CaptureTrigger {
		return false
	}
	needs, err := choice.LogNeeds(ctx, db, cfg.MySQL)
	if err != nil {
		f.Wrongf("capture", "", "%v", err)
		return cfg.Capture == config.CaptureLog
	}
	return judgeCapture(f, cfg.Capture, needs)
}

// judgeCapture judges what the log needs, and reports whether it is read.
func judgeCapture(f *finding.List, how string, needs []choice.Need) (fromLog bool) {
	const about = "capture"
	readable := !slices.ContainsFunc(needs, func(n choice.Need) bool { return n.Must })
	for _, n := range needs {
		say := f.Warnf
		if n.Must && how == config.CaptureLog {
			say = f.Wrongf
		}
		say(about, n.Do, "%s: %s", n.About, n.What)
	}
	switch {
	case readable:
		f.Rightf(about, "local writes are read from the server's log: that is new, and has limits of its own (docs/log.md)")
	case how == config.CaptureAuto:
		f.Rightf(about, "triggers notice local writes, since the server's log cannot be read")
	}
	return readable || how == config.CaptureLog
}
