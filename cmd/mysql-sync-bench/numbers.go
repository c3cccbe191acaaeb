package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// quantile returns the value below which the share q (0 to 1) of sorted values lies, interpolated
// linearly. NaN if there are none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// quantiles returns the quantiles of 0 to 100 percent.
func quantiles(values []float64) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	list := make([]float64, 101)
	for i := range list {
		list[i] = quantile(sorted, float64(i)/100)
	}
	return list
}

// median returns the middle of values, in any order.
func median(values []float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), 0.5)
}

// medians returns the median of each figure over all samples.
func medians(samples []sample) map[string]float64 {
	all := map[string][]float64{}
	for _, s := range samples {
		for name, v := range s.Figures {
			all[name] = append(all[name], v)
		}
	}
	m := map[string]float64{}
	for name, values := range all {
		m[name] = median(values)
	}
	return m
}

// readable writes a number with about three digits, and with commas from a thousand up.
func readable(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v), math.IsInf(v, 0):
		return "?"
	case size >= 100:
		return commas(strconv.FormatFloat(v, 'f', 0, 64))
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// commas groups the digits of a whole number in threes.
func commas(digits string) string {
	sign, digits := digits[:len(digits)-len(strings.TrimLeft(digits, "-"))], strings.TrimLeft(digits, "-")
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// shown writes the chosen figures, separated by slashes.
func shown(names []string, figures map[string]float64) string {
	var list []string
	for _, name := range names {
		v, ok := figures[name]
		if !ok {
			v = math.NaN()
		}
		list = append(list, readable(v))
	}
	return strings.Join(list, " / ")
}
