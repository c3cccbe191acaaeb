package config

import (
	"fmt"
	"slices"
	"time"
)

// LargestRow returns the size of the largest accepted row, in bytes.
func (c *Config) LargestRow() int { return max(c.MaxRowBytes, 1<<20) }

// Tables returns the tables that are synced or received, sorted, each once.
func (c *Config) Tables() []string {
	all := slices.Concat(c.SyncTables, c.ReceiveTables)
	slices.Sort(all)
	return slices.Compact(all)
}

// Zone returns the time zone in which wire version 1 shows TIMESTAMP values.
func (c *Config) Zone() (*time.Location, error) {
	switch c.MySQL.Timezone {
	case "", "Z", "+00:00":
		return time.UTC, nil
	case "local":
		return time.Local, nil
	}
	t, err := time.Parse("-07:00", c.MySQL.Timezone)
	if err != nil {
		return nil, fmt.Errorf("mysqlConfig.timezone: %q is not one of Z, local, +HH:MM", c.MySQL.Timezone)
	}
	_, offset := t.Zone()
	return time.FixedZone(c.MySQL.Timezone, offset), nil
}
