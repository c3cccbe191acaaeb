package value

import "bytes"

// clock is a text of digits and separators.
type clock []byte

// number cuts from least to most digits off the front, and returns how many.
func (t *clock) number(least, most int) bool {
	n := 0
	for n < len(*t) && n < most && (*t)[n] >= '0' && (*t)[n] <= '9' {
		n++
	}
	*t = (*t)[n:]
	return n >= least
}

// sign cuts one of some bytes off the front.
func (t *clock) sign(either string) bool {
	for i := range len(either) {
		if len(*t) > 0 && (*t)[0] == either[i] {
			*t = (*t)[1:]
			return true
		}
	}
	return false
}

// zero reports whether 0 is the only digit in a part of a text.
func zero(part []byte) bool { return !bytes.ContainsAny(part, "123456789") }

// daytime cuts hours, minutes, seconds and their fraction off the front: 7:30,
// 07:30:00 or 07:30:00.5. It returns the fraction's digits.
func (t *clock) daytime(hours int) (fraction []byte, ok bool) {
	if !t.number(1, hours) {
		return nil, false
	}
	for parts := 1; parts < 3 && t.sign(":"); parts++ {
		if !t.number(1, 2) {
			return nil, false
		}
	}
	if t.sign(".") {
		fraction = *t
		t.number(0, len(*t))
		fraction = fraction[:len(fraction)-len(*t)]
	}
	return fraction, true
}

// fitsFraction checks the fractional digits that the column lacks.
func (c *Column) fitsFraction(fraction []byte) string {
	if len(fraction) > c.Scale && !zero(fraction[c.Scale:]) {
		return "it has more digits of a second"
	}
	return ""
}

// fitsDate accepts a date, optionally followed by a time of day. The server
// would turn much else, such as 10:00:00, into a date that nobody meant.
func (c *Column) fitsDate(stored []byte) string {
	t := clock(bytes.TrimSpace(stored))
	if len(t) == 8 || len(t) == 14 { // 20240229, 20240229235958
		if digits := t; digits.number(len(t), len(t)) {
			if c.Kind == Date && !zero(t[8:]) {
				return "the time of the day would be cut off"
			}
			return ""
		}
	}
	if !t.number(4, 4) || !t.sign("-") || !t.number(1, 2) || !t.sign("-") || !t.number(1, 2) {
		return "it is not a date of the form 2024-02-29"
	}
	if len(t) == 0 {
		return ""
	}
	day := t
	if !t.sign(" T") {
		return "it is not a date of the form 2024-02-29"
	}
	for t.sign(" ") {
	}
	fraction, ok := t.daytime(2)
	switch {
	case !ok || len(t) > 0:
		return "it is not a time of the form 2024-02-29 23:59:58"
	case c.Kind != Date:
		return c.fitsFraction(fraction)
	case !zero(day):
		return "the time of the day would be cut off"
	}
	return ""
}

// fitsTime accepts hours, minutes and seconds. The server would take a number
// as seconds, and only the time of day of a date.
func (c *Column) fitsTime(stored []byte) string {
	t := clock(bytes.TrimSpace(stored))
	t.sign("-")
	fraction, ok := t.daytime(3)
	if !ok || len(t) > 0 || bytes.IndexByte(stored, ':') < 0 {
		return "it is not a time of the form 23:59:58"
	}
	return c.fitsFraction(fraction)
}
