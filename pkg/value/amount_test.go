package value_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestAmountsHaveOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"12": "12", "-012.50": "-12.5", "0.00": "0", "-0": "0", "00097": "97", ".5": "0.5", "-.05": "-0.05", "+3": "3", "100": "100", "5.": "5",
		"99999999999999999999999999999999999.999999999999999999999999999999": "99999999999999999999999999999999999.999999999999999999999999999999",
		"": "", "-": "", ".": "", "1e3": "", "--1": "", "+-1": "", "1.2.3": "", "NaN": "", " 1": "", "0x10": "", "1_000": "",
	} {
		got, ok := value.Amount(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q is %q %v, want %q", text, got, ok, want)
		}
	}
}

func TestAmountsAddUpExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, sum, difference string }{
		{"100", "-5", "95", "105"},
		{"0.1", "0.2", "0.3", "-0.1"},
		{"18446744073709551615", "1", "18446744073709551616", "18446744073709551614"},
		{"-0.05", "10", "9.95", "-10.05"},
		{"1.5", "0.5", "2", "1"},
	} {
		if got := value.Add(c.a, c.b); got != c.sum {
			t.Errorf("%s + %s is %s, want %s", c.a, c.b, got, c.sum)
		}
		if got := value.Subtract(c.a, c.b); got != c.difference {
			t.Errorf("%s - %s is %s, want %s", c.a, c.b, got, c.difference)
		}
	}
	if value.CompareAmounts("9.5", "10") >= 0 || value.CompareAmounts("-1", "-2") <= 0 || value.CompareAmounts("0.50", "0.5") != 0 {
		t.Error("amounts are ordered as text")
	}
	c := value.Column{Kind: value.Decimal, Scale: 2}
	for amount, want := range map[string]string{"5": "5.00", "12.5": "12.50", "-0.05": "-0.05", "1.005": "1.005"} {
		if got := string(c.AmountFor(amount)); got != want {
			t.Errorf("%s is written as %s, want %s", amount, got, want)
		}
	}
}
