package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-viper/mapstructure/v2"
)

// Settings are the keys of an adapter, checked by its schema. They may hold
// secrets: printed, they show their names alone.
type Settings map[string]any

// Decode fills in the fields of a struct, by their tags koanf. Keys that it does
// not have are an error.
func (s Settings) Decode(into any) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: into, TagName: "koanf", ErrorUnused: true, Squash: true})
	if err != nil {
		return err
	}
	return d.Decode(map[string]any(s))
}

// String shows the names of the keys.
func (s Settings) String() string { return fmt.Sprint(slices.Sorted(maps.Keys(s))) }

// GoString is String.
func (s Settings) GoString() string { return s.String() }
