package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	glance  = 20 * time.Millisecond  // between two looks at the databases
	breath  = 500 * time.Millisecond // after each write, so that people can follow
	backlog = 200                    // rows that each side writes at once while they are apart
	limit   = 30 * time.Second       // for everything to arrive
)

// stage is what the story is played on.
type stage struct {
	ctx            context.Context //nolint:containedctx // one run of the program is one stage
	tb             testkit.TB
	screen         *screen
	berlin, boston *site
	link           *testkit.Proxy
	apart          bool
	took           []time.Duration // from a commit at one site to the row at the other, while linked
}
