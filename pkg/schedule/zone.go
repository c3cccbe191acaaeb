package schedule

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // for systems without a zone database
)

var offset = regexp.MustCompile(`^(?i:UTC|GMT)?([+-]?)(\d{1,2})(?::(\d\d)|(\.\d+))?$`)

// Zone returns the zone that a text names: of the zone database ("Europe/Berlin"), by its offset from
// UTC ("-07:00", "-7", "5.5", "UTC+2"), "local" for the computer's, or UTC if it is empty.
func Zone(text string) (*time.Location, error) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "", "utc", "z", "gmt":
		return time.UTC, nil
	case "local":
		return time.Local, nil
	}
	if m := offset.FindStringSubmatch(text); m != nil {
		return fixed(text, m[1], m[2], m[3], m[4])
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not in the zone database: use a name such as Europe/Berlin, or an offset such as -07:00", text)
	}
	return zone, nil
}

// fixed returns the zone of an offset, given its parts.
func fixed(text, sign, hours, minutes, fraction string) (*time.Location, error) {
	h, _ := strconv.Atoi(hours)
	m, _ := strconv.Atoi("0" + minutes)
	if fraction != "" {
		f, _ := strconv.ParseFloat("0"+fraction, 64)
		m = int(math.Round(f * 60))
	}
	minute := h*60 + m
	if m > 59 || minute > 14*60 {
		return nil, fmt.Errorf("the offset %s is not between -14:00 and +14:00", text)
	}
	if minute == 0 {
		return time.UTC, nil
	}
	name := fmt.Sprintf("+%02d:%02d", h, m)
	if sign == "-" {
		name, minute = "-"+name[1:], -minute
	}
	return time.FixedZone(name, minute*60), nil
}
