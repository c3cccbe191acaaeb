package testkit_test

import (
	"os"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) {
	if world := os.Getenv("TESTKIT_WORLD"); world != "" {
		endOfTheWorld(world)
	}
	os.Exit(testkit.Main(m))
}
