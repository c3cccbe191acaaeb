package plan

import (
	"fmt"
	"strings"
	"testing"
)

func TestSettingsAreDecoded(t *testing.T) {
	var into struct {
		Token string   `koanf:"token"`
		Hooks []string `koanf:"hooks"`
	}
	if err := (Settings{"token": "s3cret", "hooks": []string{"insert"}}).Decode(&into); err != nil || into.Token != "s3cret" || len(into.Hooks) != 1 {
		t.Errorf("decoded %+v, %v", into, err)
	}
	if err := (Settings{"tokn": "s3cret"}).Decode(&into); err == nil || !strings.Contains(err.Error(), "tokn") {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestPrintedPlansHideSecrets(t *testing.T) {
	p := Plan{Sources: map[string]Adapter{"shop": {Type: "mysql", Settings: Settings{"password": "s3cret"}}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, p); strings.Contains(text, "s3cret") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
