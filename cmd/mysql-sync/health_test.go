package main_test

import (
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestHealthFollowsTheNode(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	has(t, a.Run(1, "health"), "is not running")
	a.Start()
	ready := func(want int) func() error {
		return func() error {
			if code, _, said := testkit.Output(t, "health", a.File); code != want {
				return errors.New(said)
			}
			return nil
		}
	}
	testkit.Eventually(t, "the node to be ready", ready(0))
	if said := a.Run(0, "health"); said != "" {
		t.Errorf("a good answer: %q", said)
	}
	b.Stop()
	testkit.Eventually(t, "the node to miss the broker", ready(1))
	has(t, a.Run(1, "health"), "broker")
	a.Run(0, "health", "--live")
	b.Start()
	testkit.Eventually(t, "the node to be ready again", ready(0))
	a.Node.Stop()
	has(t, a.Run(1, "health", "--live"), "is not running")
}
