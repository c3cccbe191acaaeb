package testkit_test

import (
	"net/http"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestObjectStoreAnswersAfterAStopAndStart(t *testing.T) {
	t.Parallel()
	s := testkit.NewS3(t, "bucket")
	ask := func() error {
		r, err := http.Get("http://" + s.Addr + "/bucket/none")
		if err != nil {
			return err
		}
		if r.StatusCode != http.StatusForbidden {
			t.Errorf("a stranger got status %d", r.StatusCode)
		}
		return r.Body.Close()
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if ask() == nil {
		t.Error("it answers after Stop")
	}
	s.Start()
	if err := ask(); err != nil {
		t.Error(err)
	}
}
