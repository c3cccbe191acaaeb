package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func TestReceiverConfiguration(t *testing.T) {
	schema := keys.MustParse(ReceiverSchema("source/mesh", "mesh", "A mesh", "About."))
	check := func(block map[string]any) (map[string]any, keys.Mistakes) {
		c := keys.New(keys.Source{})
		checked, _ := c.Check("", schema, block).(map[string]any)
		return checked, c.Mistakes()
	}
	block := map[string]any{"type": "mesh", "clientName": "sheets", "acceptFrom": []any{"berlin"}, "topicPrefix": "acme",
		"mqttConfig": map[string]any{"host": "broker", "protocol": "mqtts", "password": "secret"}}
	checked, mistakes := check(block)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	cfg, err := Receiver(checked, []string{"prices"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MQTT.Servers[0] != "ssl://broker:8883" || !cfg.Receives("prices") || !cfg.AcceptsFrom("berlin") || cfg.AcceptsFrom("bonn") || len(cfg.RemoteClients) > 0 ||
		cfg.MQTT.ClientID != "mysql-sync-acme:sheets" || cfg.LargestRow() == 0 || cfg.TombstoneRetention == 0 {
		t.Errorf("%v", cfg)
	}
	block["syncTables"] = []any{"orders"}
	delete(block, "acceptFrom")
	if _, mistakes = check(block); len(mistakes) != 2 {
		t.Errorf("%v", mistakes)
	}
	checked["acceptFrom"] = []any{"sheets", "berlin"}
	var wrong keys.Mistakes
	if _, err := Receiver(checked, []string{"prices"}); !errors.As(err, &wrong) || !strings.HasPrefix(wrong[0].Key, "acceptFrom") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}
