package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// receiverKeys are those that a client has which only receives, and keeps what it receives elsewhere than in a database
// of its own.
var receiverKeys = []string{"clientName", "topicPrefix", "acceptFrom", "version1Clients", "mqttConfig", "encryption", "maxRowBytes"}

// ReceiverSchema returns the JSON Schema of the block that Receiver takes: keys of the configuration file, and the key
// type with the value kind. about describes the block.
func ReceiverSchema(id, kind, title, about string) []byte {
	var whole struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Defs       map[string]json.RawMessage `json:"$defs"`
	}
	err := json.Unmarshal(schemaJSON, &whole)
	own := map[string]any{"type": map[string]any{"type": "string", "enum": []string{kind}, "description": "`" + kind + "`."}}
	for _, name := range receiverKeys {
		own[name] = whole.Properties[name]
	}
	text, marshal := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": id, "title": title, "description": about,
		"type": "object", "required": []string{"type", "clientName", "acceptFrom", "mqttConfig"}, "additionalProperties": false,
		"properties": own, "$defs": whole.Defs,
	})
	if err != nil || marshal != nil {
		panic(fmt.Sprint(err, marshal)) // the schema is part of the program
	}
	return text
}

// Receiver returns the configuration of a client that only receives tables, from a block that ReceiverSchema has checked.
// Paths in it are relative to the working directory. The error is of type Mistakes.
func Receiver(block map[string]any, tables []string) (*Config, error) {
	given := maps.Clone(block)
	maps.DeleteFunc(given, func(name string, _ any) bool { return !slices.Contains(receiverKeys, name) })
	list := make([]any, len(tables))
	for i, t := range tables {
		list[i] = t
	}
	given["receiveTables"] = list
	given["mysqlConfig"] = map[string]any{"database": "none", "user": "none"} // which it does not have
	c := &checker{Checker: keys.New(keys.Source{})}
	var f file
	if err := keys.Decode(c.Check("", root(), given).(map[string]any), &f); err != nil {
		return nil, err
	}
	cfg := c.build(&f, true, From{})
	if len(cfg.AcceptPatterns) > 0 {
		c.Mistakef("acceptFrom", "%s is a pattern, for sites that join; none joins a connector: name the clients", keys.Show(cfg.AcceptPatterns[0]))
	}
	if mistakes := c.Mistakes(); len(mistakes) > 0 {
		return nil, mistakes
	}
	return cfg, nil
}
